#pragma once

#include <array>
#include <functional>
#include <limits>
#include <utility>

#include "core/autograd/variable.h"
#include "core/device/random.h"
#include "core/distributions/distribution.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/promotion.h"
#include "core/functions/reduction.h"

namespace rensa::distributions {

// What the families share; for the sources of this folder.

/// a and b in one dtype and one shape.
inline std::pair<Variable, Variable> together(const char* name, const Variable& a, const Variable& b) {
  const Dtype dtype = promote(a.dtype(), b.dtype());
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), name);
  return {functions::broadcast_to(functions::cast(a, dtype), shape),
          functions::broadcast_to(functions::cast(b, dtype), shape)};
}

/// log_density(x) on the support, -infinity outside, where the density is asked for at `somewhere` on the support
/// instead: gradients of what is not used must be numbers too.
template <class LogDensity>
Variable on_support(const Array& is_inside, const Variable& x, const Variable& somewhere,
                    const LogDensity& log_density) {
  const Variable value = log_density(functions::where(is_inside, x, somewhere));
  const Variable impossible = functions::constant_like(value, -std::numeric_limits<double>::infinity());
  return functions::where(is_inside, value, impossible);
}

/// Numbers drawn one by one, (n, batch…, event…): next(stream, i), where i is the place in (batch…, event…). Each row
/// of the family's batch has its own stream, in which its n draws follow each other; a family without a batch has one.
/// So the rows of a batch are the same on one rank and cut over several. See functions/random_arrays.h.
Array draw_batch(const Distribution& family, std::int64_t n, Dtype dtype,
                 const std::function<double(RandomStream&, std::size_t)>& next);

/// Gamma with scale 1. Throws ValueError unless `shape` is finite and above 0: no draw would be accepted.
/// Source: Marsaglia, Tsang, "A simple method for generating gamma variables", 2000.
double draw_gamma(RandomStream& random, double shape);
/// The logarithm of such a draw: finite where the draw itself, of a small shape, underflows to 0.
double draw_log_gamma(RandomStream& random, double shape);

}  // namespace rensa::distributions
