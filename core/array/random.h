#pragma once

#include "core/array/array.h"
#include "core/device/random.h"

namespace rensa::random {

// Arrays of random numbers, drawn from a stream in row-major order: the same stream gives the same numbers everywhere.
//
//   RandomStream stream(/*seed=*/7, Purpose::kUser);
//   Array x = random::normal({3, 4}, stream);

/// `values` (float64), drawn in [low, high), in `dtype`: what rounding brings to `high` becomes the largest number
/// below it, if that is not below `low`.
Array rounded_below(const Array& values, double low, double high, Dtype dtype);

/// In [low, high).
Array uniform(const Shape& shape, RandomStream& stream, double low = 0, double high = 1, Dtype dtype = Dtype::kFloat32);
/// Gaussian, by Box and Muller.
Array normal(const Shape& shape, RandomStream& stream, double mean = 0, double deviation = 1,
             Dtype dtype = Dtype::kFloat32);
Array integers(const Shape& shape, RandomStream& stream, std::int64_t low,
               std::int64_t high);                                                    ///< in [low, high), int64
Array bernoulli(const Shape& shape, RandomStream& stream, double probability = 0.5);  ///< bool
/// -log(-log(u)) for u uniform in (0, 1).
Array gumbel(const Shape& shape, RandomStream& stream, Dtype dtype = Dtype::kFloat32);
/// Of mean `scale`.
Array exponential(const Shape& shape, RandomStream& stream, double scale = 1, Dtype dtype = Dtype::kFloat32);

/// 0 to n - 1 in random order, int64.
Array permutation(std::int64_t n, RandomStream& stream);
/// `count` of the numbers 0 to n - 1, int64: again and again the same or, without `replace`, each at most once.
/// `probabilities` (n) need not sum to 1; none: all alike. Throws ValueError if there are not enough to take.
Array choice(std::int64_t n, std::int64_t count, RandomStream& stream, bool replace = true,
             const Array& probabilities = {});

}  // namespace rensa::random
