#include "comm/gradients/compression/top_k.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace {

/// The places of the `count` largest magnitudes, in ascending order; of equal ones the first.
template <class T>
std::vector<std::int32_t> largest(const T* values, std::int64_t size, std::int64_t count) {
  std::vector<T> magnitudes(static_cast<std::size_t>(size));
  std::transform(values, values + size, magnitudes.begin(),
                 [](T x) { return std::isnan(x) ? std::numeric_limits<T>::infinity() : std::abs(x); });
  const auto at = magnitudes.begin() + (count - 1);
  std::nth_element(magnitudes.begin(), at, magnitudes.end(), std::greater<>());
  const T least = *at;
  std::int64_t equal = count - std::count_if(magnitudes.begin(), at, [&](T x) { return x > least; });
  std::vector<std::int32_t> places;
  places.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < size; ++i) {
    const T magnitude = std::isnan(values[i]) ? std::numeric_limits<T>::infinity() : std::abs(values[i]);
    if (magnitude > least || (magnitude == least && equal-- > 0)) places.push_back(static_cast<std::int32_t>(i));
  }
  return places;
}

}  // namespace

TopK::TopK(double share) : share_(share) {
  if (!(share > 0 && share <= 1))
    throw ValueError("top_k: a share of ", share, ", expected more than 0 and at most 1.");
}

void TopK::attach(const std::vector<GradientBucket>& buckets) {
  remainders_.clear();
  for (const GradientBucket& bucket : buckets) {
    if (bucket.gradients.size() > std::numeric_limits<std::int32_t>::max()) {
      throw ShapeError("top_k: a bucket of ", bucket.gradients.size(),
                       " elements, expected less than 2^31. Take smaller buckets.");
    }
    remainders_.push_back(zeros_like(bucket.gradients));
  }
}

std::size_t TopK::reduce(const GradientBucket& bucket, Communicator& comm) {
  const Array& rest = remainders_[bucket.number];
  kernels::accumulate(rest, bucket.gradients);
  const std::int64_t size = rest.size(),
                     count = std::max<std::int64_t>(1, std::llround(share_ * static_cast<double>(size)));
  // places, and behind them the bits of the values as float32
  const Array mine = empty({2 * count}, Dtype::kInt32), all = empty({comm.size(), 2 * count}, Dtype::kInt32);
  dispatch_floating(rest.dtype(), "top_k", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const left = rest.template data<T>();
    const std::vector<std::int32_t> places = largest(left, size, count);
    std::int32_t* const sent = mine.data<std::int32_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t place = places[static_cast<std::size_t>(i)];
      const auto value = static_cast<float>(left[place]);
      sent[i] = place;
      sent[count + i] = std::bit_cast<std::int32_t>(value);
      left[place] -= static_cast<T>(value);
    }
    comm.all_gather(mine, all);
    T* const mean = bucket.gradients.template data<T>();
    std::fill_n(mean, size, T{0});
    for (int r = 0; r < comm.size(); ++r) {
      const std::int32_t* const theirs = all.data<std::int32_t>() + 2 * count * r;
      for (std::int64_t i = 0; i < count; ++i) {
        mean[theirs[i]] += static_cast<T>(std::bit_cast<float>(theirs[count + i])) / static_cast<T>(comm.size());
      }
    }
  });
  return mine.bytes();
}

}  // namespace rensa
