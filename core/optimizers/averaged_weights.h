#pragma once

#include <cstdint>
#include <vector>

#include "core/links/link.h"

namespace rensa {

class Serializer;

/// Options of AveragedWeights.
struct AveragedWeightsOptions {
  /// Exponential: average ← decay · average + (1 − decay) p. None (negative): the plain mean of all values seen,
  /// Polyak's.
  double decay = 0.999;
  std::int64_t start = 0;  ///< updates of the model before averaging begins
};

/// Means of a model's parameters over the steps of a training run, which often judge better than the last values. Those
/// of 16-bit parameters are kept in float32, in which a small share of a difference is not lost.
///
///   AveragedWeights average(model, {.decay = 0.999});
///   for (…) { loss.backward(); optimizer.update(); average.update(); }
///   { const AveragedWeights::Scope scope(average); evaluate(model); }   // the model has the means in here
/// Sources: Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992; Izmailov et al.,
/// "Averaging weights leads to wider optima and better generalization", 2018.
class AveragedWeights {
 public:
  /// The model must outlive this. Throws ValueError for a decay above 1.
  explicit AveragedWeights(Link& model, const AveragedWeightsOptions& options = {});

  /// Takes in the present values; a parameter's first ones are taken as they are.
  void update();
  /// Puts the means into the model, or the model's own values back. Parameters that update() never saw stay.
  void swap();
  /// Values in the means; fewer in those of parameters that were initialised later.
  std::int64_t count() const { return count_; }
  /// "seen", "count" and, for every parameter, "<path>/average" and "<path>/average_count". Without the last, as older
  /// snapshots are, a mean has the count of all.
  void serialize(Serializer& serializer);

  /// The means are in the model as long as this lives.
  class Scope {
   public:
    explicit Scope(AveragedWeights& average) : average_(average) { average_.swap(); }
    ~Scope() { average_.swap(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    AveragedWeights& average_;
  };

 private:
  struct Mean {
    Parameter* parameter;
    Variable variable;  ///< the parameter's: tells it from one that was made later at the same address
    Array values;
    Array own;               ///< the parameter's values while it has the means'
    std::int64_t count = 0;  ///< of what is in `values`
  };
  void forget_removed();
  void join();
  Mean* find(const Parameter* parameter);

  Link& model_;
  const AveragedWeightsOptions options_;
  std::vector<Mean> means_;
  std::int64_t seen_ = 0, count_ = 0;
};

}  // namespace rensa
