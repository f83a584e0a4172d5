#pragma once

#include "core/array/array.h"

namespace rensa::functions {

// Random arrays for the functions that draw: counted by (seed, step, sample, use) from random_context(), as dropout's
// are; row i is sample first_sample + i. The same on one rank or eight.

Array draw_uniform(const Shape& shape, double low, double high, Dtype dtype);
Array draw_normal(const Shape& shape, Dtype dtype);

}  // namespace rensa::functions
