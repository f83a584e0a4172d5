#include "core/functions/combinations.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/math.h"
#include "core/functions/matmul.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

/// y with axes of size 1 appended, so that it broadcasts over x from `axis` on.
Variable from_axis(const char* name, const Variable& x, const Variable& y, int axis) {
  const int at = y.ndim() == 0 ? 0 : normalize_axis(axis, x.ndim(), name);
  bool fits = at + y.ndim() <= x.ndim();
  for (int i = 0; fits && i < y.ndim(); ++i) fits = x.shape()[at + i] == y.shape()[i];
  if (!fits) {
    throw ShapeError(name, ": y is ", y.shape(), ", x is ", x.shape(), "; expected y to have x's sizes from axis ", at,
                     " on.");
  }
  Shape shape = y.shape();
  while (at + shape.ndim() < x.ndim()) shape.push_back(1);
  return reshape(y, shape);
}

/// cos and sin of -2 pi j k / n for x (…, n).
std::pair<Variable, Variable> waves(const Variable& x) {
  const std::int64_t n = x.shape().back();
  Array c = empty({n, n}, Dtype::kFloat64), s = empty({n, n}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < n * n; ++i) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(i / n * (i % n) % n) / static_cast<double>(n);
    c.data<double>()[i] = std::cos(angle);
    s.data<double>()[i] = std::sin(angle);
  }
  return {constant_like(x, c), constant_like(x, s)};
}

void check_complex(const char* name, const Variable& real, const Variable& imaginary) {
  if (real.ndim() == 0 || real.shape() != imaginary.shape()) {
    throw ShapeError(name, ": the parts are ", real.shape(), " and ", imaginary.shape(),
                     "; expected equal shapes (…, n).");
  }
}

}  // namespace

Variable bias(const Variable& x, const Variable& y, int axis) { return x + from_axis("bias", x, y, axis); }
Variable scale(const Variable& x, const Variable& y, int axis) { return x * from_axis("scale", x, y, axis); }

Variable identity(const Variable& x) { return x; }
Variables identity(const Variables& xs) { return xs; }

Variable linear_interpolate(const Variable& p, const Variable& x, const Variable& y) { return p * x + (1 - p) * y; }

Variable batch_l2_norm_squared(const Variable& x) {
  if (x.ndim() == 0) throw ShapeError("batch_l2_norm_squared: expected x (batch, …), found a scalar.");
  const std::int64_t batch = x.shape()[0];
  return sum(square(reshape(x, {batch, batch == 0 ? 0 : x.size() / batch})), {1});
}

std::pair<Variable, Variable> fft(const Variable& real, const Variable& imaginary) {
  check_complex("fft", real, imaginary);
  const auto [c, s] = waves(real);
  return {matmul(real, c) - matmul(imaginary, s), matmul(real, s) + matmul(imaginary, c)};
}

std::pair<Variable, Variable> ifft(const Variable& real, const Variable& imaginary) {
  check_complex("ifft", real, imaginary);
  const double n = static_cast<double>(real.shape().back());
  const auto [c, s] = waves(real);
  return {(matmul(real, c) + matmul(imaginary, s)) / n, (matmul(imaginary, c) - matmul(real, s)) / n};
}

}  // namespace rensa::functions
