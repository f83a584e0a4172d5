#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "comm/communicators/communicator.h"
#include "core/optimizers/optimizer.h"
#include "trainer/classifier.h"
#include "trainer/iterators/iterator.h"
#include "trainer/observation.h"

namespace rensa {

/// Makes training steps, and knows how far they have come.
class Updater {
 public:
  virtual ~Updater() = default;
  /// One step; what it saw goes into `observation`.
  virtual void update(Observation& observation) = 0;
  virtual std::int64_t iteration() const = 0;        ///< steps made
  virtual std::int64_t epoch() const = 0;            ///< epochs completed
  virtual double epoch_detail() const = 0;           ///< with the fraction of the running one
  virtual double previous_epoch_detail() const = 0;  ///< before the last step
  virtual bool is_new_epoch() const = 0;             ///< the last step completed an epoch
  virtual std::int64_t samples() const = 0;          ///< of all steps since this object was made, on all ranks
  virtual Optimizer& optimizer() = 0;
  virtual Link& model() = 0;
  virtual void serialize(Serializer& serializer) = 0;
};

/// The usual step: a batch, the loss, backward, the optimizer. The gradient is that of the mean loss over the global batch,
/// for any number of ranks and any sizes of their parts.
class StandardUpdater final : public Updater {
 public:
  struct Loss {
    Variable loss;            ///< the mean over this rank's part of the batch
    Observation observation;  ///< what to report beside it, such as the accuracy
  };
  using LossFunction = std::function<Loss(const Batch&)>;

  /// Everything must outlive the updater; the optimizer is set up with `model`. `seed` numbers the random operations of
  /// the network (dropout).
  StandardUpdater(Iterator& iterator, Link& model, LossFunction loss, Optimizer& optimizer, Communicator& comm,
                  std::uint64_t seed = 0);
  /// Reports main/loss and main/accuracy.
  StandardUpdater(Iterator& iterator, Classifier& model, Optimizer& optimizer, Communicator& comm,
                  std::uint64_t seed = 0);

  /// From now on a step takes so many batches, one after another, whose gradients are added up and travel once. It is
  /// the step of a batch `count` times as large, in the memory of one.
  void accumulate(int count) { pieces_ = count; }

  void update(Observation& observation) override;
  std::int64_t iteration() const override { return iteration_; }
  std::int64_t epoch() const override { return iterator_.epoch(); }
  double epoch_detail() const override { return iterator_.epoch_detail(); }
  double previous_epoch_detail() const override {
    return previous_detail_.value_or(iterator_.previous_epoch_detail().value_or(0));
  }
  bool is_new_epoch() const override { return new_epoch_.value_or(iterator_.is_new_epoch()); }
  std::int64_t samples() const override { return samples_; }
  Optimizer& optimizer() override { return optimizer_; }
  Link& model() override { return model_; }
  /// Chainer's keys: iteration, iterator:main/…, model:main/…, optimizer:main/….
  void serialize(Serializer& serializer) override;

 private:
  void add_gradients(Observation& observation, int piece);

  Iterator& iterator_;
  Link& model_;
  LossFunction loss_;
  Optimizer& optimizer_;
  Communicator& comm_;
  const std::uint64_t seed_;
  int pieces_ = 1;
  std::int64_t iteration_ = 0, samples_ = 0;
  std::optional<double>
      previous_detail_;  ///< of the last step, whose last batch the iterator knows; none: before the first
  std::optional<bool> new_epoch_;
};

}  // namespace rensa
