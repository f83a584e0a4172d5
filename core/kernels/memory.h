#pragma once

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// Writes `source` into `target`: equal shapes, any strides, any two dtypes (converted as C++ converts; floating to
/// bool is "not zero").
extern Kernel<void(const Array& target, const Array& source)> copy;

/// Sets every element to `value`, converted to the dtype.
extern Kernel<void(const Array& target, double value)> fill;

/// target += source: equal shapes and dtypes, any strides.
extern Kernel<void(const Array& target, const Array& source)> accumulate;

}  // namespace rensa::kernels
