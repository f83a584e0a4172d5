#include "comm/gradients/compression/one_bit.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/array/dispatch.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace {

/// What stands for the elements of a parameter: [0] for those that are not above 0, [1] for the others.
using Levels = std::array<float, 2>;

/// Bytes of a parameter's message: its levels and a bit for each element.
std::size_t message_bytes(std::int64_t elements) { return sizeof(Levels) + static_cast<std::size_t>(elements + 7) / 8; }

template <class T>
void encode(const T* values, std::int64_t size, std::uint8_t* message) {
  std::array<double, 2> sums{};
  std::array<std::int64_t, 2> counts{};
  std::uint8_t* const bits = message + sizeof(Levels);
  std::memset(bits, 0, message_bytes(size) - sizeof(Levels));
  for (std::int64_t i = 0; i < size; ++i) {
    const std::size_t above = values[i] > 0;
    sums[above] += static_cast<double>(values[i]);
    ++counts[above];
    bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | above << (i % 8));
  }
  Levels levels{};
  for (std::size_t b = 0; b < 2; ++b) {
    if (counts[b] > 0) levels[b] = static_cast<float>(sums[b] / static_cast<double>(counts[b]));
  }
  std::memcpy(message, levels.data(), sizeof(Levels));
}

/// to[i] += factor · the element that the message tells.
template <class T>
void decode(const std::uint8_t* message, std::int64_t size, T factor, T* to) {
  Levels levels{};
  std::memcpy(levels.data(), message, sizeof(Levels));
  const std::array<T, 2> steps = {factor * static_cast<T>(levels[0]), factor * static_cast<T>(levels[1])};
  const std::uint8_t* const bits = message + sizeof(Levels);
  for (std::int64_t i = 0; i < size; ++i) to[i] += steps[(bits[i / 8] >> (i % 8)) & 1];
}

}  // namespace

void OneBit::attach(const std::vector<GradientBucket>& buckets) {
  remainders_.clear();
  for (const GradientBucket& bucket : buckets) remainders_.push_back(zeros_like(bucket.gradients));
}

std::size_t OneBit::reduce(const GradientBucket& bucket, Communicator& comm) {
  const Array& rest = remainders_[bucket.number];
  kernels::accumulate(rest, bucket.gradients);
  std::size_t bytes = 0;
  for (const auto& slot : bucket.slots) bytes += message_bytes(slot.size);
  const auto count = static_cast<std::int64_t>(bytes);
  const Array mine = empty({count}, Dtype::kUInt8), all = empty({comm.size(), count}, Dtype::kUInt8);
  dispatch_floating(rest.dtype(), "one_bit", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto each = [&](const auto& act) {
      std::size_t at = 0;
      for (const auto& slot : bucket.slots) {
        act(slot.offset - bucket.begin, slot.size, at);
        at += message_bytes(slot.size);
      }
    };
    each([&](std::int64_t begin, std::int64_t size, std::size_t at) {
      T* const left = rest.template data<T>() + begin;
      std::uint8_t* const message = mine.data<std::uint8_t>() + at;
      encode(left, size, message);
      decode(message, size, T{-1}, left);
    });
    comm.all_gather(mine, all);
    std::fill_n(bucket.gradients.template data<T>(), bucket.gradients.size(), T{0});
    for (int r = 0; r < comm.size(); ++r) {
      const std::uint8_t* const theirs = all.data<std::uint8_t>() + count * r;
      each([&](std::int64_t begin, std::int64_t size, std::size_t at) {
        decode(theirs + at, size, T{1} / static_cast<T>(comm.size()), bucket.gradients.template data<T>() + begin);
      });
    }
  });
  return mine.bytes();
}

}  // namespace rensa
