#include "comm/gradients/gradient_bucket.h"

#include <algorithm>

namespace rensa {
namespace {

constexpr std::int64_t kPartUnit = 16;  ///< elements: a line of memory of float32

/// The bytes with which a bucket is full, of an arena of which `before` have been cut and `left` have not. The network
/// is to start early and to have little left when backward ends: a bucket is about as large as all before it at most,
/// and a quarter of what is left.
std::int64_t full_bytes(std::int64_t before, std::int64_t left, const ReducerOptions& options) {
  const auto least = static_cast<std::int64_t>(options.first_bucket_bytes);
  if (before == 0) return least;
  return std::min(std::max(least, std::min(before, left / 4)), static_cast<std::int64_t>(options.bucket_bytes));
}

}  // namespace

std::vector<GradientBucket> cut_arena(const ParameterArena& arena, const ReducerOptions& options, int parts) {
  const auto item = static_cast<std::int64_t>(item_size(arena.values.dtype()));
  const std::int64_t all = arena.values.size(), unit = parts > 1 ? kPartUnit * parts : 1;
  const auto end_of = [&](std::size_t s) { return s + 1 < arena.slots.size() ? arena.slots[s + 1].offset : all; };
  std::vector<GradientBucket> buckets;
  std::int64_t begin = 0;
  std::size_t first = 0;  // the first slot that reaches behind `begin`
  for (std::size_t s = 0; s < arena.slots.size(); ++s) {
    const bool last = s + 1 == arena.slots.size();
    const std::int64_t end = last ? all : end_of(s) / unit * unit;
    const std::int64_t full = full_bytes(begin * item, (all - begin) * item, options);
    if (end <= begin || (!last && (end - begin) * item < full)) continue;
    GradientBucket bucket{.begin = begin, .end = end, .first_slot = first};
    bucket.slots.assign(arena.slots.begin() + static_cast<std::ptrdiff_t>(first),
                        arena.slots.begin() + static_cast<std::ptrdiff_t>(s) + 1);
    buckets.push_back(std::move(bucket));
    begin = end;
    first = end_of(s) > end ? s : s + 1;
    while (first > 0 && end_of(first - 1) > end) --first;
  }
  return buckets;
}

}  // namespace rensa
