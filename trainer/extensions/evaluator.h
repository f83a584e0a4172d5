#pragma once

#include <memory>
#include <string>

#include "comm/communicators/communicator.h"
#include "trainer/classifier.h"
#include "trainer/deferred_number.h"
#include "trainer/extension.h"
#include "trainer/iterators/iterator.h"
#include "trainer/observation.h"
#include "trainer/updater.h"

namespace rensa {

/// Judges a model on a dataset, the ranks together: every sample exactly once, for any number of samples and ranks.
/// One that cannot be read is left out. Sums of the losses and of whatever else the loss function reports, and their
/// weights, are added over the ranks, then divided; nothing is padded. What is no mean over samples, such as a
/// coefficient of determination, is reported as the mean of the batches' ones; GenericMultiNodeEvaluator judges by such
/// numbers.
///
/// A second one in a trainer reports as "validation_1", or as what extend() is told to call it.
///
/// Before, the running statistics of the model become the mean over the ranks, so that all judge the same network.
class Evaluator final : public Extension {
 public:
  /// `iterator` gives each rank its part, once (repeat = false). `loss` is as StandardUpdater's, and usually the same
  /// function; it is called in an InferenceMode, not for empty batches. Reports NAME/main/loss, which counts by
  /// samples, and under NAME/ what the function reports. `model` must outlive this object.
  Evaluator(std::unique_ptr<Iterator> iterator, Link& model, StandardUpdater::LossFunction loss,
            std::string name = "validation");
  /// Reports NAME/main/loss, and NAME/main/accuracy if the classifier computes it.
  Evaluator(std::unique_ptr<Iterator> iterator, Classifier& model, std::string name = "validation");
  Evaluator(const Evaluator&) = delete;  // the loss of a classifier refers to this object
  Evaluator& operator=(const Evaluator&) = delete;
  std::string name() const override { return name_; }
  void rename(const std::string& name) override { name_ = name; }  ///< under which it reports from then on
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kWriter; }
  void operator()(Trainer& trainer) override;

  /// The means over all samples of all ranks; the same on every rank, which make this call together. Throws ValueError
  /// on all of them if there are samples, and none could be read.
  Observation evaluate(Communicator& comm);

 private:
  void refuse_samples(Communicator& comm) const;

  std::unique_ptr<Iterator> iterator_;
  Link& model_;
  StandardUpdater::LossFunction loss_;
  std::string name_;
  DeferredNumbers deferred_;
};

/// Replaces every floating persistent value of the model by its mean over the ranks. ChainerMN's AllreducePersistent.
void average_persistents(Link& model, Communicator& comm);

}  // namespace rensa
