#pragma once

#include "core/array/array.h"

namespace rensa::cuda {

/// y += bias (a number a channel) + residual, then relu, in place and in one pass; each may be missing. y is (N, C, H,
/// W).
void finish_convolution(const Array& y, const Array& bias, const Array& residual, bool relu);

}  // namespace rensa::cuda
