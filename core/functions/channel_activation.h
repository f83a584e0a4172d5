#pragma once

#include <cstdint>

#include "core/autograd/variable.h"

namespace rensa::functions {

// Activations that look at more than one element, have weights, or draw numbers.

/// relu of x and of -x, one after the other along `axis`.
/// Source: Shang et al., "Understanding and improving convolutional neural networks via CReLU", 2016.
Variable crelu(const Variable& x, int axis = 1);
/// The largest of each group of `pool_size` neighbours along `axis`. Throws ShapeError if they do not divide it.
/// Source: Goodfellow et al., "Maxout networks", 2013.
Variable maxout(const Variable& x, std::int64_t pool_size, int axis = 1);
/// x where x >= 0, W x elsewhere; W's axes are x's from axis 1 on.
/// Source: He et al., "Delving deep into rectifiers", 2015.
Variable prelu(const Variable& x, const Variable& W);
/// x sigmoid(beta x); beta's axes are x's from axis 1 on.
Variable swish(const Variable& x, const Variable& beta);
/// x where x >= 0, r x elsewhere; r is drawn evenly in [l, u) for each element when training, else (l + u) / 2.
/// Source: Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.
Variable rrelu(const Variable& x, double l = 1.0 / 8, double u = 1.0 / 3);
/// The first half of x along `axis` times the sigmoid of the second.
/// Source: Dauphin et al., "Language modeling with gated convolutional networks", 2016.
Variable glu(const Variable& x, int axis = -1);

}  // namespace rensa::functions
