#include "comm/shm/direct_reduction.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"

namespace rensa::shm {
namespace {

constexpr std::int64_t kTile = 2048;  ///< elements that are reduced while they lie in the first-level cache

struct Sum {
  template <class T>
  static T join(T a, T b) {
    return static_cast<T>(a + b);
  }
};
struct Max {
  template <class T>
  static T join(T a, T b) {
    return b > a || b != b ? b : a;
  }
};
struct Min {
  template <class T>
  static T join(T a, T b) {
    return b < a || b != b ? b : a;
  }
};

template <class Op, class T>
void reduce(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t begin, std::int64_t end) {
  std::array<T, kTile> tile;
  for (std::int64_t at = begin; at < end; at += kTile) {
    const std::int64_t count = std::min(kTile, end - at);
    std::copy_n(static_cast<const T*>(inputs[0]) + at, count, tile.data());
    for (const void* input : inputs.subspan(1)) {
      const T* other = static_cast<const T*>(input) + at;
      T* to = tile.data();
      for (std::int64_t i = 0; i < count; ++i) to[i] = Op::join(to[i], other[i]);
    }
    for (void* output : outputs) std::copy_n(tile.data(), count, static_cast<T*>(output) + at);
  }
}

template <class Op>
void reduce_any(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t begin,
                std::int64_t end, Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32: return reduce<Op, float>(inputs, outputs, begin, end);
    case Dtype::kFloat64: return reduce<Op, double>(inputs, outputs, begin, end);
    case Dtype::kInt64: return reduce<Op, std::int64_t>(inputs, outputs, begin, end);
    case Dtype::kInt32: return reduce<Op, std::int32_t>(inputs, outputs, begin, end);
    case Dtype::kInt8: return reduce<Op, std::int8_t>(inputs, outputs, begin, end);
    case Dtype::kUInt8: return reduce<Op, std::uint8_t>(inputs, outputs, begin, end);
    default:
      throw DtypeError("all_reduce: ", dtype, " cannot be reduced between ranks. Convert it to float32 first.");
  }
}

}  // namespace

void reduce_directly(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t begin,
                     std::int64_t end, Dtype dtype, Reduce op) {
  switch (op) {
    case Reduce::kSum: return reduce_any<Sum>(inputs, outputs, begin, end, dtype);
    case Reduce::kMax: return reduce_any<Max>(inputs, outputs, begin, end, dtype);
    case Reduce::kMin: return reduce_any<Min>(inputs, outputs, begin, end, dtype);
  }
}

std::int64_t part_begin(std::int64_t count, int part, int parts) {
  if (part == parts) return count;
  const std::int64_t unit = count >= 16 * static_cast<std::int64_t>(parts) ? 16 : 1;
  return count / unit * part / parts * unit;
}

}  // namespace rensa::shm
