#pragma once

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Along the last axis of contiguous arrays ("lines"); the functions bring other axes there.

/// The position of each line's largest (or smallest) element, int64, without the last axis; the first of equal ones;
/// not-a-number wins. Lines must not be empty. Any dtype.
extern Kernel<Array(const Array& x, bool largest)> position_of_extreme;
/// The positions that sort each line, int64; equal elements keep their order; not-a-number comes last.
extern Kernel<Array(const Array& x, bool descending)> sorting_positions;
/// Running sums, from the end if `reverse`; float32 and float64, summed in float64.
extern Kernel<Array(const Array& x, bool reverse)> running_sum;
/// Running products, float32 and float64.
extern Kernel<Array(const Array& x)> running_product;

}  // namespace rensa::kernels
