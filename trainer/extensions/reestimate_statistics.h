#pragma once

#include <functional>
#include <memory>

#include "core/links/link.h"
#include "trainer/extension.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// Before each validation, gives batch normalization its statistics anew: forward passes over some training batches
/// with the weights as they are, the mean of the batches' statistics, and its mean over the ranks. Running averages lag
/// behind weights that change quickly, as they do with few large steps in an epoch.
///
/// A link without batch normalization is left alone. The first `batches` batches of `iterator` serve every time, so
/// that a run that is resumed sees the same. A call on all ranks together. Source: Akiba, Suzuki, Fukuda, "Extremely
/// large minibatch SGD", 2017, section 2.3 (means over ranks instead of moving averages); Wu, Johnson, "Rethinking
/// 'Batch' in BatchNorm", 2021, section 3 ("PreciseBN").
class ReestimateStatistics final : public Extension {
 public:
  /// `forward` computes the model on a batch. Throws ValueError unless batches is at least 1.
  ReestimateStatistics(std::unique_ptr<Iterator> iterator, Link& model, std::function<void(const Batch&)> forward,
                       int batches);
  std::string name() const override { return "ReestimateStatistics"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kWriter + 1; }  // before the evaluator, which judges with them
  void operator()(Trainer& trainer) override;

 private:
  const std::unique_ptr<Iterator> iterator_;
  Link& model_;
  const std::function<void(const Batch&)> forward_;
  const int batches_;
};

}  // namespace rensa
