#pragma once

#include <functional>

#include "core/autograd/variable.h"

namespace rensa {

/// Steps and tolerances of check_gradient().
struct GradientCheckOptions {
  double eps = 1e-4;  ///< step of the central differences
  double atol = 1e-6, rtol = 1e-5;
  std::uint64_t seed = 0;  ///< of the random direction and output gradients
};

/// Compares backward() of `f` with central differences along a random direction of all inputs together, for random
/// gradients of the outputs. The inputs must be float64; the function sees them as leaves that require gradients.
/// Throws ValueError that names the function's values when they differ by more than atol + rtol × |numerical|.
void check_gradient(const std::function<Variables(const Variables&)>& f, const std::vector<Array>& inputs,
                    const GradientCheckOptions& options = {});
/// The same for a function of one variable.
void check_gradient(const std::function<Variable(const Variable&)>& f, const Array& x,
                    const GradientCheckOptions& options = {});

/// The same for the gradient's gradient: differentiates x, gy ↦ dL/dx.
void check_double_gradient(const std::function<Variables(const Variables&)>& f, const std::vector<Array>& inputs,
                           const GradientCheckOptions& options = {});
/// The same for a function of one variable.
void check_double_gradient(const std::function<Variable(const Variable&)>& f, const Array& x,
                           const GradientCheckOptions& options = {});

/// float64 elements, normal with mean 0 and variance 1, the same for the same seed.
Array random_array(const Shape& shape, std::uint64_t seed, Dtype dtype = Dtype::kFloat64);

}  // namespace rensa
