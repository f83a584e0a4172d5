#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace rensa::floor {

/// Seconds that so many calls take together.
double seconds_of(const std::function<void()>& call, std::int64_t calls = 1);

/// Of an even number of values the upper one of the two in the middle.
double median(std::vector<double> values);

/// Median time of a call in ms: after one call to warm up, at least 5 calls and at least 60 ms.
double median_ms(const std::function<void()>& call);

/// Bytes read plus bytes written per ms when the compute threads copy 256 MiB that no cache holds.
double copy_bytes_per_ms();

/// `count` floats, written once so that every page is its own, aligned for vector loads. Read as twice as many bfloat16
/// they are ordinary numbers, too.
struct FreeAligned {
  void operator()(float* p) const;
};
using Floats = std::unique_ptr<float[], FreeAligned>;
Floats filled(std::size_t count);

}  // namespace rensa::floor
