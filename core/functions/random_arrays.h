#pragma once

#include <functional>

#include "core/array/array.h"
#include "core/device/random.h"

namespace rensa::functions {

// Random arrays for the functions that draw: counted by (seed, step, sample, use) from random_context(), as dropout's
// are; row i is sample first_sample + i, and has a stream of its own. The same on one rank or eight. They are computed
// in float64 and rounded at the end.

Array draw_uniform(const Shape& shape, double low, double high, Dtype dtype);  ///< in [low, high)
Array draw_normal(const Shape& shape, Dtype dtype);                            ///< mean 0, variance 1
Array draw_gumbel(const Shape& shape, Dtype dtype);                            ///< as RandomStream::gumbel()
/// next(stream, i) for element i in row-major order.
Array draw_each(const Shape& shape, Dtype dtype, const std::function<double(RandomStream&, std::int64_t)>& next);
/// (n, shape…): the same n times, each row of `shape` going on in its own stream.
Array draw_again(std::int64_t n, const Shape& shape, Dtype dtype,
                 const std::function<double(RandomStream&, std::int64_t)>& next);

}  // namespace rensa::functions
