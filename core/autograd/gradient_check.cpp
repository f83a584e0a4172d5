#include "core/autograd/gradient_check.h"

#include <cmath>
#include <vector>

#include "core/autograd/config.h"
#include "core/device/random.h"
#include "core/error.h"

namespace rensa {
namespace {

using Functional = std::function<Variables(const Variables&)>;

Variables as_leaves(const std::vector<Array>& arrays) {
  Variables leaves;
  for (const Array& array : arrays) leaves.emplace_back(array, /*requires_grad=*/true);
  return leaves;
}

double dot(const Array& a, const Array& b) {
  const std::vector<double> x = to_vector<double>(a), y = to_vector<double>(b);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

/// x + step × direction
Array moved(const Array& x, const Array& direction, double step) {
  std::vector<double> values = to_vector<double>(x);
  const std::vector<double> d = to_vector<double>(direction);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += step * d[i];
  return array(values, x.shape());
}

/// Sum of the outputs of f at inputs + step × directions, weighted by their gradients.
double weighted_sum(const Functional& f, const std::vector<Array>& inputs, const std::vector<Array>& directions,
                    double step, const std::vector<Array>& gys) {
  std::vector<Array> there;
  for (std::size_t i = 0; i < inputs.size(); ++i) there.push_back(moved(inputs[i], directions[i], step));
  const Variables outputs = f(as_leaves(there));
  if (gys.size() != outputs.size()) {
    throw GraphError("gradient check: the function has ", outputs.size(), " outputs, found ", gys.size(),
                     " grad_outputs; expected one for each.");
  }
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (gys[i].shape() != outputs[i].shape()) {
      throw ShapeError("gradient check: grad_outputs[", i, "] is ", gys[i].shape(), ", expected the output's shape ",
                       outputs[i].shape(), ".");
    }
    sum += dot(outputs[i].array(), gys[i]);
  }
  return sum;
}

std::vector<Array> random_arrays_like(const std::vector<Array>& shapes, std::uint64_t seed) {
  std::vector<Array> arrays;
  for (std::size_t i = 0; i < shapes.size(); ++i) arrays.push_back(random_array(shapes[i].shape(), seed + i));
  return arrays;
}

/// The slope at the inputs along the directions.
double central_difference(const Functional& f, const std::vector<Array>& inputs, const std::vector<Array>& directions,
                          const std::vector<Array>& gys, const GradientCheckOptions& options) {
  const double eps = options.eps, ahead = weighted_sum(f, inputs, directions, eps, gys),
               behind = weighted_sum(f, inputs, directions, -eps, gys), slope = (ahead - behind) / (2 * eps);
  if (!options.detect_nondifferentiable) return slope;
  const double half = eps / 2, here = weighted_sum(f, inputs, directions, 0, gys),
               half_ahead = weighted_sum(f, inputs, directions, half, gys),
               half_behind = weighted_sum(f, inputs, directions, -half, gys),
               half_slope = (half_ahead - half_behind) / (2 * half);
  // The slopes before and behind the point differ in proportion to the step where f is smooth, by a fixed amount at a
  // kink, and by the more the smaller the step at a jump.
  const double bend = std::abs(ahead - 2 * here + behind) / eps,
               half_bend = std::abs(half_ahead - 2 * here + half_behind) / half;
  const double tolerance = options.atol + options.rtol * std::abs(slope);
  if (half_bend > 0.75 * bend + tolerance || !(std::abs(half_slope - slope) <= tolerance)) {
    throw NondifferentiableError("gradient check: the function has no gradient within ", eps,
                                 " of the inputs: its slope along the direction is ", slope, " by steps of ", eps,
                                 " and ", half_slope, " by half of them, and it bends by ", bend, " and ", half_bend,
                                 ". Take other inputs, or a smaller eps.");
  }
  return slope;
}

void check_float64(const char* name, const std::vector<Array>& inputs) {
  for (const Array& input : inputs) {
    if (input.dtype() != Dtype::kFloat64) {
      throw DtypeError(name, ": inputs must be float64, found ", input.dtype(),
                       ": central differences of a narrower type are mostly rounding.");
    }
  }
}

constexpr std::uint64_t kDirectionSeed = 1000, kOutputSeed = 2000;  // apart from the seeds that tests give their inputs

Functional unary(const std::function<Variable(const Variable&)>& f) {
  return [&f](const Variables& x) { return Variables{f(x.front())}; };
}

}  // namespace

Array random_array(const Shape& shape, std::uint64_t seed, Dtype dtype) {
  RandomStream random(seed, Purpose::kSynthetic);
  Array values = empty(shape, Dtype::kFloat64);
  auto* element = values.data<double>();
  for (std::int64_t i = 0; i < values.size(); ++i) element[i] = random.normal();
  return values.to(dtype);
}

std::vector<Array> numerical_grad(const Functional& f, const std::vector<Array>& inputs,
                                  const std::vector<Array>& grad_outputs, const GradientCheckOptions& options) {
  check_float64("numerical_grad", inputs);
  std::vector<Array> directions, gradients;
  for (const Array& input : inputs) {
    directions.push_back(zeros(input.shape(), Dtype::kFloat64));
    gradients.push_back(empty(input.shape(), Dtype::kFloat64));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    double* along = directions[i].data<double>();
    for (std::int64_t element = 0; element < inputs[i].size(); ++element) {
      along[element] = 1;
      gradients[i].data<double>()[element] = central_difference(f, inputs, directions, grad_outputs, options);
      along[element] = 0;
    }
  }
  return gradients;
}

void check_gradient(const Functional& f, const std::vector<Array>& inputs, const GradientCheckOptions& options) {
  check_float64("check_gradient", inputs);
  const Variables x = as_leaves(inputs);
  const Variables y = f(x);
  std::vector<Array> output_arrays;
  for (const Variable& output : y) output_arrays.push_back(output.array());
  const std::vector<Array> gys = random_arrays_like(output_arrays, options.seed + kOutputSeed);
  const std::vector<Array> directions = random_arrays_like(inputs, options.seed + kDirectionSeed);

  Variables gy;
  for (const Array& g : gys) gy.emplace_back(g);
  const Variables gx = grad(y, x, gy);
  double analytic = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (gx[i]) analytic += dot(gx[i].array(), directions[i]);
  }
  const double numerical = central_difference(f, inputs, directions, gys, options);
  if (!(std::abs(analytic - numerical) <= options.atol + options.rtol * std::abs(numerical))) {
    throw ValueError("check_gradient: backward gives ", analytic,
                     " along a random direction, central differences give ", numerical, " (atol ", options.atol,
                     ", rtol ", options.rtol, ").");
  }
}

void check_double_gradient(const Functional& f, const std::vector<Array>& inputs, const GradientCheckOptions& options) {
  std::vector<Array> outputs;
  {
    const NoBackpropMode scope;
    for (const Variable& y : f(as_leaves(inputs))) outputs.push_back(y.array());
  }
  std::vector<Array> all = inputs;
  for (const Array& gy : random_arrays_like(outputs, options.seed + 2 * kOutputSeed)) all.push_back(gy);

  const std::size_t count = inputs.size();
  const Functional gradient = [&](const Variables& x_and_gy) {
    const Variables x(x_and_gy.begin(), x_and_gy.begin() + static_cast<std::ptrdiff_t>(count));
    const Variables gy(x_and_gy.begin() + static_cast<std::ptrdiff_t>(count), x_and_gy.end());
    Variables present;
    for (const Variable& gx : grad(f(x), x, gy, {.enable_double_backprop = true})) {
      if (gx) present.push_back(gx);
    }
    return present;
  };
  check_gradient(gradient, all, options);
}

void check_gradient(const std::function<Variable(const Variable&)>& f, const Array& x,
                    const GradientCheckOptions& options) {
  check_gradient(unary(f), std::vector<Array>{x}, options);
}
void check_double_gradient(const std::function<Variable(const Variable&)>& f, const Array& x,
                           const GradientCheckOptions& options) {
  check_double_gradient(unary(f), std::vector<Array>{x}, options);
}

}  // namespace rensa
