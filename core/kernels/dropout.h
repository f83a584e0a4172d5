#pragma once

#include "core/device/random.h"
#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// x / (1 - ratio) where the counted random numbers of `at` keep an element, 0 elsewhere. x is contiguous; row i of it
/// is sample at.first_sample + i. The same context gives the same choice again.
extern Kernel<Array(const Array& x, double ratio, const RandomContext& at)> dropout;

}  // namespace rensa::kernels
