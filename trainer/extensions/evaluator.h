#pragma once

#include <memory>
#include <string>

#include "comm/communicators/communicator.h"
#include "trainer/classifier.h"
#include "trainer/extension.h"
#include "trainer/iterators/iterator.h"
#include "trainer/observation.h"

namespace rensa {

/// Judges a classifier on a dataset, the ranks together: every sample exactly once, for any number of samples and
/// ranks. Sums of losses and right answers and the number of samples are added over the ranks, then divided; nothing is
/// padded.
///
/// Before, the running statistics of the model become the mean over the ranks, so that all judge the same network.
class Evaluator final : public Extension {
 public:
  /// `iterator` gives each rank its part, once (repeat = false). Reports validation/main/loss and
  /// validation/main/accuracy.
  Evaluator(std::unique_ptr<Iterator> iterator, Classifier& model, std::string name = "validation");
  std::string name() const override { return name_; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kWriter; }
  void operator()(Trainer& trainer) override;

  /// The means over all samples of all ranks; the same on every rank.
  Observation evaluate(Communicator& comm);

 private:
  std::unique_ptr<Iterator> iterator_;
  Classifier& model_;
  const std::string name_;
};

/// Replaces every floating persistent value of the model by its mean over the ranks. ChainerMN's AllreducePersistent.
void average_persistents(Link& model, Communicator& comm);

}  // namespace rensa
