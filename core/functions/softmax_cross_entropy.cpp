#include "core/functions/softmax_cross_entropy.h"

#include <algorithm>
#include <limits>

#include "core/array/dispatch.h"
#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"
#include "core/kernels/softmax.h"

namespace rensa::functions {
namespace {

using kernels::ClassTargets;

// x is (lines, classes) here, and a loss is one number a line.

/// gx = g (softmax(x) - q) for smoothed targets q.
struct SoftmaxCrossEntropyGrad final : Function {
  ClassTargets targets;
  KeptArray t;
  Array line_sums;  ///< of the loss, or none
  SoftmaxCrossEntropyGrad(const ClassTargets& of, const Array& sums) : targets(of), t(of.t), line_sums(sums) {}
  const char* name() const override { return "softmax_cross_entropy_grad"; }

  Array forward(const Array& x, const Array& g) override {
    retain_inputs(0, 1);
    return kernels::softmax_cross_entropy_grad(x.contiguous(), targets, g.contiguous(), line_sums);
  }
  Variables backward(const Variable& ggx) override {
    auto [x, g] = retained_inputs<2>();
    kept(t, "target");
    const Variable p = softmax(x);
    const Variable centred = p * (ggx - sum(ggx * p, {1}, /*keepdims=*/true));
    const Variable counted(expand_dims(not_ignored(g.dtype()), 1));
    const Variable ones_g(ones(g.shape(), g.dtype(), g.device()));
    const Variable p_minus_q = apply(make_function<SoftmaxCrossEntropyGrad>(targets, line_sums), x, ones_g);
    return {expand_dims(g, 1) * counted * centred, sum(ggx * p_minus_q, {1})};
  }
  void release_saved() override { line_sums = {}; }

 private:
  Array not_ignored(Dtype dtype) const {
    std::vector<double> labels = to_vector<double>(targets.t);
    for (double& label : labels) label = label == static_cast<double>(targets.ignore_label) ? 0 : 1;
    return array(labels, targets.t.shape()).to(dtype).to(targets.t.device());
  }
};

struct SoftmaxCrossEntropy final : Function {
  ClassTargets targets;
  KeptArray t;
  Array line_sums;
  explicit SoftmaxCrossEntropy(const ClassTargets& of) : targets(of), t(of.t) {}
  const char* name() const override { return "softmax_cross_entropy"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    auto [losses, sums] = kernels::softmax_cross_entropy(x.contiguous(), targets);
    line_sums = sums;
    return losses;
  }
  Variables backward(const Variable& gy) override {
    kept(t, "target");
    return {apply(make_function<SoftmaxCrossEntropyGrad>(targets, line_sums), retained_input(), gy)};
  }
  void release_saved() override { line_sums = {}; }
};

void check(const Variable& x, const Array& t, const SoftmaxCrossEntropyOptions& options) {
  bool fits = x.ndim() >= 2 && t.ndim() == x.ndim() - 1 && t.shape()[0] == x.shape()[0];
  for (int i = 1; fits && i < t.ndim(); ++i) fits = t.shape()[i] == x.shape()[i + 1];
  if (!fits) {
    throw ShapeError("softmax_cross_entropy: x is ", x.shape(), ", so t should be its shape without axis 1; found ",
                     t.shape(), ".");
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing < 1)) {
    throw ValueError("softmax_cross_entropy: label_smoothing is ", options.label_smoothing, ", expected 0 to below 1.");
  }
}

/// Labels on the host are looked at there, and then go to x's device: nobody waits for that. Throws ValueError that
/// names the first one out of range.
Array checked_labels(const Array& t, const Variable& x, std::int64_t classes, std::int64_t ignored) {
  const Array flat = t.contiguous().reshape({t.size()});
  if (x.device() == t.device()) return flat;  // the kernel looks at them
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(flat);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == ignored || (labels[i] >= 0 && labels[i] < classes)) continue;
    throw ValueError("softmax_cross_entropy: label ", i, " is ", labels[i], ", expected 0 to ", classes - 1,
                     " or the ignored label ", ignored, ".");
  }
  return flat.to(x.device());
}

std::int64_t count_labels(const Array& t, std::int64_t ignored) {
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  return t.size() - std::count(labels.begin(), labels.end(), ignored);
}

Array weights_of_labels(const SoftmaxCrossEntropyOptions& options, const Array& t, std::int64_t classes, Dtype dtype) {
  if (options.class_weight.shape() != Shape{classes}) {
    throw ShapeError("softmax_cross_entropy: class_weight is ", options.class_weight.shape(), ", expected (", classes,
                     ",).");
  }
  const std::vector<double> weights = to_vector<double>(options.class_weight);
  const auto weight_of = [&](std::int64_t label) {
    if (label == options.ignore_label) return 0.0;
    // others have come by way of a GPU: their losses are no numbers
    const bool is_class = label >= 0 && label < classes;
    return is_class ? weights[static_cast<std::size_t>(label)] : std::numeric_limits<double>::quiet_NaN();
  };
  std::vector<double> result;
  for (const std::int64_t label : to_vector<std::int64_t>(t)) result.push_back(weight_of(label));
  return array(result, t.shape()).to(dtype);
}

}  // namespace

Variable softmax_cross_entropy(const Variable& x, const Array& t, const SoftmaxCrossEntropyOptions& options) {
  check(x, t, options);
  if (is_half(x.dtype())) return softmax_cross_entropy(cast(x, Dtype::kFloat32), t, options);
  const std::int64_t classes = x.shape()[1];
  Variable lines = x;
  if (x.ndim() > 2) {
    Dims classes_last = {0};
    for (int i = 2; i < x.ndim(); ++i) classes_last.push_back(i);
    classes_last.push_back(1);
    lines = reshape(transpose(x, classes_last), {-1, classes});
  }
  const ClassTargets targets{checked_labels(t, x, classes, options.ignore_label), options.label_smoothing,
                             options.ignore_label};
  Variable losses = apply(make_function<SoftmaxCrossEntropy>(targets), lines);
  if (options.class_weight)
    losses = losses * Variable(weights_of_labels(options, targets.t, classes, x.dtype()).to(x.device()));
  if (options.reduce == LossReduce::kNone) return reshape(losses, t.shape());
  const std::int64_t count = options.normalize ? count_labels(t, options.ignore_label) : t.shape()[0];
  return sum(losses) * (1.0 / static_cast<double>(std::max<std::int64_t>(count, 1)));
}

Variable soft_cross_entropy(const Variable& x, const Variable& t, SoftTargetLoss loss, LossReduce reduce) {
  if (x.shape() != t.shape() || x.ndim() < 2) {
    throw ShapeError("soft_cross_entropy: expected x and t (batch, classes, …) of one shape, found ", x.shape(),
                     " and ", t.shape(), ".");
  }
  Variable losses = -sum(t * log_softmax(x), {1});
  if (loss == SoftTargetLoss::kKlDivergence) {
    const std::vector<double> values = to_vector<double>(t.array());
    std::vector<double> nothing;  // 1 where t is 0, where t log t is 0 too
    for (const double v : values) nothing.push_back(v == 0 ? 1 : 0);
    losses = losses + sum(t * log(t + constant_like(t, array(nothing, t.shape()))), {1});
  }
  return reduce == LossReduce::kMean ? mean(losses) : losses;
}

}  // namespace rensa::functions
