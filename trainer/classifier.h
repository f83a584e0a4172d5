#pragma once

#include <functional>
#include <memory>

#include "core/functions/softmax_cross_entropy.h"
#include "core/links/link.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// The share of right answers: accuracy_array() of class numbers t. Throws ValueError for a t that is floating.
Array share_of_right_answers(const Array& y, const Array& t);

/// How a Classifier judges.
struct ClassifierOptions {
  /// The loss of the answers y against t, a scalar: the mean over the batch.
  using LossFun = std::function<Variable(const Variable& y, const Array& t)>;
  /// How good y is, a scalar.
  using AccFun = std::function<Array(const Array& y, const Array& t)>;

  functions::SoftmaxCrossEntropyOptions softmax = {};  ///< of the loss, unless `lossfun` is another
  LossFun lossfun = {};                                ///< nothing: softmax cross entropy
  /// Nothing: no accuracy is computed or reported (Chainer's compute_accuracy = False).
  AccFun accfun = share_of_right_answers;
  int label_key = 1;  ///< which field of a batch is t; negative: from the last one, which padding makes the lengths
};

/// A network and how it is judged: by softmax cross entropy and accuracy against class numbers, or by functions that
/// are given. Chainer's Classifier: the network's keys in a snapshot start with "predictor/".
///
///   Classifier line(std::make_unique<Line>(), {.lossfun = [](const Variable& y, const Array& t) {
///     return functions::mean_squared_error(y, t);
///   }, .accfun = nullptr});
class Classifier : public Link {
 public:
  explicit Classifier(std::unique_ptr<UnaryLink> predictor, ClassifierOptions options = {});

  /// What a batch gave.
  struct Result {
    Variable y;     ///< what the network says: logits (n, classes), for softmax cross entropy
    Variable loss;  ///< mean over the batch
    /// A scalar on y's device; in [0, 1], float64, unless a function was given. No array: not asked for.
    Array accuracy;
  };
  /// Moves x to the network's device and converts it to its dtype, and so t if it is floating. Class numbers are best
  /// left on the host. A batch of MixedIterator's has two labels for each sample: the losses against both count by
  /// their shares, and what is judged against is the label with the larger share. Throws ValueError for such a batch
  /// with a loss function of one's own, which knows of one label, and if a batch has no field `label_key`.
  Result operator()(const Batch& batch);

  UnaryLink& predictor() { return *predictor_; }  ///< the network inside

 protected:
  std::unique_ptr<Link> do_clone() override;

 private:
  Array labels(const Batch& batch, const Variable& y) const;

  std::unique_ptr<UnaryLink> predictor_;
  const ClassifierOptions options_;
};

}  // namespace rensa
