#pragma once

#include <functional>
#include <vector>

#include "core/autograd/variable.h"
#include "core/error.h"

namespace rensa {

/// Steps and tolerances of check_gradient().
struct GradientCheckOptions {
  double eps = 1e-4;  ///< step of the central differences
  double atol = 1e-6, rtol = 1e-5;
  std::uint64_t seed = 0;  ///< of the random direction and output gradients
  /// Throw NondifferentiableError where the function has a kink or a jump within eps: there its slope changes with the
  /// step by more than the tolerances and a smooth function allow.
  bool detect_nondifferentiable = false;
};

/// A point at which a gradient was to be checked, and where there is none.
using NondifferentiableError = TypedError<struct NondifferentiableErrorKind>;

/// The gradients of Σ grad_outputs × f(inputs) by central differences, element by element: one array for each input, of
/// its shape. Inputs are float64. Throws DtypeError, GraphError unless each output has its grad_output, ShapeError
/// unless that has the output's shape, and NondifferentiableError if asked.
std::vector<Array> numerical_grad(const std::function<Variables(const Variables&)>& f, const std::vector<Array>& inputs,
                                  const std::vector<Array>& grad_outputs, const GradientCheckOptions& options = {});

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
