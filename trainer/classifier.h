#pragma once

#include <memory>

#include "core/functions/softmax_cross_entropy.h"
#include "core/links/link.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// A network and how it is judged: softmax cross entropy and accuracy against class numbers. Chainer's Classifier: the
/// network's keys in a snapshot start with "predictor/".
class Classifier : public Link {
 public:
  explicit Classifier(std::unique_ptr<UnaryLink> predictor, const functions::SoftmaxCrossEntropyOptions& options = {});

  /// What a batch gave.
  struct Result {
    Variable y;      ///< logits (n, classes)
    Variable loss;   ///< mean over the batch
    Array accuracy;  ///< in [0, 1]: a float64 scalar on y's device
  };
  /// Moves x to the network's device and converts it to its dtype. Class numbers are best left on the host. A batch of
  /// MixedIterator's has two labels for each sample: the losses against both count by their shares, and an answer is
  /// right if it is the label with the larger share.
  Result operator()(const Batch& batch);

  UnaryLink& predictor() { return *predictor_; }  ///< the network inside

 protected:
  std::unique_ptr<Link> do_clone() override {
    return std::make_unique<Classifier>(rensa::clone(*predictor_), options_);
  }

 private:
  std::unique_ptr<UnaryLink> predictor_;
  const functions::SoftmaxCrossEntropyOptions options_;
};

}  // namespace rensa
