#pragma once

#include <functional>

#include "core/array/array.h"
#include "core/device/random.h"

namespace rensa {

/// Fills a new parameter's elements from a random stream of its own.
using Initializer = std::function<void(const Array& values, RandomStream& random)>;

namespace init {

// Fans: a weight has shape (out, in, kernel…); fan_in = in × kernel sizes, fan_out = out × kernel sizes.

Initializer zeros();                           ///< all 0
Initializer ones();                            ///< all 1
Initializer constant(double value);            ///< all `value`
Initializer normal(double scale = 0.05);       ///< N(0, scale²)
Initializer uniform(double scale = 0.05);      ///< U(−scale, scale)
Initializer lecun_normal(double scale = 1);    ///< N(0, scale²/fan_in); LeCun et al., "Efficient BackProp", 1998
Initializer glorot_uniform(double scale = 1);  ///< U(±scale·√(6/(fan_in+fan_out))); Glorot and Bengio, 2010
Initializer glorot_normal(double scale = 1);   ///< N(0, scale²·2/(fan_in+fan_out))
Initializer he_normal(double scale = 1, bool fan_out = false);  ///< N(0, scale²·2/fan); He et al., 2015
Initializer he_uniform(double scale = 1);                       ///< U(±scale·√(6/fan_in))

Initializer lecun_uniform(double scale = 1);  ///< U(±scale·√(3/fan_in))
Initializer nan();                            ///< not a number: shows what is used before it is set
Initializer identity(double scale = 1);       ///< scale times the identity; throws ShapeError unless (n, n)
/// Rows, or columns where there are more rows, that are orthogonal and of length `scale`: (out, the rest).
/// Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning", 2014.
Initializer orthogonal(double scale = 1.1);
/// Linear interpolation along each axis for a deconvolution W (channels, channels, k, …, k), or (channels, 1, k, …, k)
/// of groups, over any number of axes; throws ShapeError for another shape. Source: Long, Shelhamer, Darrell, "Fully
/// convolutional networks for semantic segmentation", 2015.
Initializer upsampling_deconvolution();
/// The same for a convolution that makes pictures smaller: each window sums to 1.
Initializer downsampling_convolution();

}  // namespace init
}  // namespace rensa
