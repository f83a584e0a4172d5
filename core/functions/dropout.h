#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// Sets each element to zero with probability `ratio` and divides the others by 1 - ratio, when training
/// (config().train); otherwise x itself.
///
/// The choice is counted by (seed, step, sample, use) from random_context(), where the sample is x's first axis: the
/// same on one rank or eight, on one thread or two. Throws ValueError unless 0 <= ratio < 1. Source: Srivastava et al.,
/// "Dropout: a simple way to prevent neural networks from overfitting", 2014.
Variable dropout(const Variable& x, double ratio = 0.5);

}  // namespace rensa::functions
