#include "core/functions/accuracy.h"

#include <algorithm>
#include <vector>

#include "core/array/dispatch.h"
#include "core/error.h"

namespace rensa::functions {
namespace {

/// How many classes beat the label's: those with a larger score, and equal ones that come first. A label whose score is
/// not a number is beaten by all, so that a diverged network is never right.
template <class T>
std::int64_t count_better(const T* scores, std::int64_t stride, std::int64_t classes, std::int64_t label) {
  const T own = scores[label * stride];
  std::int64_t better = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const T score = scores[c * stride];
    if (!(score <= own) || (score == own && c < label)) ++better;
  }
  return better;
}

}  // namespace

double top_k_accuracy(const Array& y, const Array& t, std::int64_t k, const AccuracyOptions& options) {
  if (k < 1) throw ValueError("top_k_accuracy: k is ", k, ", expected 1 or more.");
  bool fits = y.ndim() >= 2 && t.ndim() == y.ndim() - 1 && t.shape()[0] == y.shape()[0];
  for (int i = 1; fits && i < t.ndim(); ++i) fits = t.shape()[i] == y.shape()[i + 1];
  if (!fits) {
    throw ShapeError("accuracy: y is ", y.shape(), ", so t should be its shape without axis 1; found ", t.shape(), ".");
  }
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  const std::int64_t classes = y.shape()[1], places = t.size() / std::max<std::int64_t>(t.shape()[0], 1);
  const Array here = y.to(Device{}), scores = (is_half(y.dtype()) ? here.to(Dtype::kFloat32) : here).contiguous();
  std::int64_t right = 0, counted = 0;
  dispatch_floating(scores.dtype(), "accuracy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const std::int64_t label = labels[i];
      if (options.ignore_label && label == *options.ignore_label) continue;
      ++counted;
      if (label < 0 || label >= classes) continue;  // no class can be right
      const std::int64_t row = static_cast<std::int64_t>(i) / places, place = static_cast<std::int64_t>(i) % places;
      right += count_better(scores.data<T>() + row * classes * places + place, places, classes, label) < k;
    }
  });
  return counted == 0 ? 0 : static_cast<double>(right) / static_cast<double>(counted);
}

double accuracy(const Array& y, const Array& t, const AccuracyOptions& options) {
  return top_k_accuracy(y, t, 1, options);
}

}  // namespace rensa::functions
