#pragma once

#include <cstdint>

namespace rensa {

/// How a call combines the ranks' elements. kMean divides before it sums, so that float16 does not overflow; it takes
/// floating arrays only. On the host NaN among the elements makes NaN of them all, of a maximum and a minimum too.
enum class Reduce : std::uint8_t { kSum, kMean, kMax, kMin, kProduct };

}  // namespace rensa
