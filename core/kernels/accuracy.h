#pragma once

#include <cstdint>
#include <optional>

#include "core/kernels/kernel.h"

namespace rensa::kernels {

/// The share of places where fewer than `k` classes score above the label's, as a float64 scalar; 0 when every label is
/// ignored. y (batch, classes, …) floating, t (batch, …) int64, both contiguous. Of equal scores the first class is
/// above; a label out of range, and one whose score is not a number, is never right.
extern Kernel<Array(const Array& y, const Array& t, std::int64_t k, const std::optional<std::int64_t>& ignored)>
    accuracy;

}  // namespace rensa::kernels
