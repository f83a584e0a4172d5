#pragma once

#include "core/array/array.h"

namespace rensa::cpu {

/// c += a b of a (m, k), b (k, n) and c (m, n), which is contiguous; floats of any size, the same for all. Rounded
/// once.
void add_product(const Array& a, const Array& b, const Array& c);

}  // namespace rensa::cpu
