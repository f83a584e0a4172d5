#pragma once

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Over the axes named (each once, not negative), which stay with size 1. Partial sums are float64 and are added in an
// order that depends on shape and strides only, never on the number of threads.

extern Kernel<Array(const Array& x, const Dims& axes)> sum;
/// The largest element; not-a-number if there is one. The axes must not be empty.
extern Kernel<Array(const Array& x, const Dims& axes)> max;
extern Kernel<Array(const Array& x, const Dims& axes)> prod;
/// 1 where a == b, 0 elsewhere, in the operands' dtype; broadcast.
extern Kernel<Array(const Array& a, const Array& b)> equal;
/// gy where a == b, 0 elsewhere, in a's shape, to which b and gy are broadcast; all of one dtype.
extern Kernel<Array(const Array& a, const Array& b, const Array& gy)> pass_where_equal;

}  // namespace rensa::kernels
