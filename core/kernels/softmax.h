#pragma once

#include <array>
#include <cstdint>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// All of them work along the last axis of contiguous arrays ("lines"); the functions bring other axes there.

extern Kernel<Array(const Array& x)> softmax;
extern Kernel<Array(const Array& x)> log_softmax;
/// y (gy - sum(gy y)), where y = softmax(x).
extern Kernel<Array(const Array& y, const Array& gy)> softmax_grad;
/// gy - exp(y) sum(gy), where y = log_softmax(x).
extern Kernel<Array(const Array& y, const Array& gy)> log_softmax_grad;

struct ClassTargets {
  Array t;  ///< (lines), int32 or int64
  double label_smoothing = 0;
  std::int64_t ignore_label = -1;
};

/// {the loss of each line (lines), 0 where ignored; (lines, 2), float64: the maximum of each line and the sum of exp(x
/// - maximum), for the gradient, or no array}. Throws ValueError that names the first label out of range.
extern Kernel<std::array<Array, 2>(const Array& x, const ClassTargets& targets)> softmax_cross_entropy;
/// g (softmax(x) - q), where g (lines) and q are the smoothed targets; 0 where ignored. line_sums: what
/// softmax_cross_entropy returned beside the losses, or no array.
extern Kernel<Array(const Array& x, const ClassTargets& targets, const Array& g, const Array& line_sums)>
    softmax_cross_entropy_grad;

}  // namespace rensa::kernels
