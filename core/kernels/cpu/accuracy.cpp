#include "core/kernels/accuracy.h"

#include <algorithm>

#include "core/array/dispatch.h"

namespace rensa::kernels {
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

Array accuracy_cpu(const Array& y, const Array& t, std::int64_t k, const std::optional<std::int64_t>& ignored) {
  const std::int64_t classes = y.shape()[1], places = t.size() / std::max<std::int64_t>(t.shape()[0], 1);
  const Array scores = is_half(y.dtype()) ? y.to(Dtype::kFloat32) : y;
  std::int64_t right = 0, counted = 0;
  dispatch_floating(scores.dtype(), "accuracy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < t.size(); ++i) {
      const std::int64_t label = t.data<std::int64_t>()[i];
      if (label == ignored) continue;
      ++counted;
      if (label < 0 || label >= classes) continue;  // no class can be right
      right += count_better(scores.data<T>() + i / places * classes * places + i % places, places, classes, label) < k;
    }
  });
  return full({}, counted == 0 ? 0 : static_cast<double>(right) / static_cast<double>(counted), Dtype::kFloat64);
}

const Implementation cpu_accuracy(accuracy, DeviceKind::kCpu, accuracy_cpu);

}  // namespace
}  // namespace rensa::kernels
