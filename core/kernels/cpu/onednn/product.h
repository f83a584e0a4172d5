#pragma once

#include "core/array/array.h"

namespace rensa::onednn {

/// c = a b, plus the row `bias` if it is an array: a (m, k), b (k, n), c (m, n) contiguous, all of one dtype that
/// oneDNN computes(). Sums are float32.
void product(const Array& a, const Array& b, const Array& bias, const Array& c);
/// c += a b, rounded once.
void add_product(const Array& a, const Array& b, const Array& c);

}  // namespace rensa::onednn
