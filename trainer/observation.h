#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rensa {

/// A number that is somewhere else still; see DeferredNumbers.
class DeferredNumber {
 public:
  /// Where the number is.
  struct Source {
    virtual ~Source() = default;
    virtual double value(std::int64_t index) = 0;  ///< waits for number `index`
  };
  DeferredNumber(std::shared_ptr<Source> source, std::int64_t index) : source_(std::move(source)), index_(index) {}
  double value() const { return source_->value(index_); }  ///< waits for it

 private:
  std::shared_ptr<Source> source_;
  std::int64_t index_;
};

/// One value that was seen, and how much it counts in a mean: the samples it stands for. On a GPU it may not be known
/// yet: value() waits for it.
class Observed {
 public:
  Observed() = default;
  Observed(double value, double value_weight = 1)  // NOLINT(google-explicit-constructor): it is a value
      : weight(value_weight), known_(value), known_weight_(value_weight) {}
  Observed(DeferredNumber number, double number_weight) : weight(number_weight), known_weight_(0) {
    later_.push_back({std::move(number), number_weight});
  }

  double value() const;                                 ///< waits for what is deferred
  bool is_deferred() const { return !later_.empty(); }  ///< whether value() may wait
  /// Becomes the mean of both, by their weights.
  void join(const Observed& other);

  double weight = 1;

 private:
  struct Later {
    DeferredNumber number;
    double weight;
  };

  double known_ = 0, known_weight_ = 1;  ///< the mean of what is known
  std::vector<Later> later_;             ///< what joins it
};

/// What a step and its extensions saw, by Chainer's names: "main/loss", "validation/main/accuracy", "lr".
using Observation = std::map<std::string, Observed>;

/// Takes what was seen in another part of a step into the means of `all`.
void join_means(Observation& all, const Observation& part);

/// Sums of values by their weights, for means over many steps. Deferred values are added, in their order, when the
/// total is asked for.
class ObservedSum {
 public:
  ObservedSum() = default;
  ObservedSum(double total, double weight) : total_(total), weight_(weight) {}
  void add(const Observed& seen);            ///< takes in one value by its weight
  double total() const;                      ///< waits for what is deferred
  double weight() const { return weight_; }  ///< of all values, the deferred ones too
  /// Adds what is deferred now.
  void settle();

 private:
  double total_ = 0, weight_ = 0;
  std::vector<Observed> later_;
};

}  // namespace rensa
