#include "core/kernels/row_normalization.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

constexpr std::int64_t kLanes = 8;  ///< partial sums of a row, so that its loop is a vector loop
constexpr std::int64_t kRowsOfPart =
    64;  ///< rows whose ggamma and gbeta are summed together: fixed, whatever the threads

/// The sum over i < n of term(i), in float64.
template <class Term>
double sum_of(std::int64_t n, const Term& term) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(term(i + lane));
  }
  for (; i < n; ++i) lanes[0] += static_cast<double>(term(i));
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

template <class Rows>
void for_each_row_of(std::int64_t rows, std::int64_t n, const Rows& body) {
  cpu::for_each_block(
      rows,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) body(r);
      },
      /*cost=*/16 * n);
}

std::array<Array, 3> normalize(const Array& x, const Array& gamma, const Array& beta, double eps, bool centre) {
  const std::int64_t rows = x.shape()[0], n = x.shape()[1];
  Array y = empty(x.shape(), x.dtype()), means = zeros({rows}, Dtype::kFloat64),
        inverses = empty({rows}, Dtype::kFloat64);
  dispatch_floating(x.dtype(), "layer_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* g = gamma ? gamma.data<T>() : nullptr;
    const T* b = beta ? beta.data<T>() : nullptr;
    for_each_row_of(rows, n, [&](std::int64_t r) {
      const T* from = x.data<T>() + r * n;
      T* to = y.data<T>() + r * n;
      const double count = static_cast<double>(n);
      const double mean = centre ? sum_of(n, [&](std::int64_t i) { return from[i]; }) / count : 0;
      const T m = static_cast<T>(mean);
      const double squares = sum_of(n, [&](std::int64_t i) { return (from[i] - m) * (from[i] - m); });
      const double inverse = 1 / std::sqrt(squares / count + eps);
      means.data<double>()[r] = mean;
      inverses.data<double>()[r] = inverse;
      const T s = static_cast<T>(inverse);
      for (std::int64_t i = 0; i < n; ++i) to[i] = (from[i] - m) * s;
      if (g) {
        for (std::int64_t i = 0; i < n; ++i) to[i] *= g[i];
      }
      if (b) {
        for (std::int64_t i = 0; i < n; ++i) to[i] += b[i];
      }
    });
  });
  return {y, means, inverses};
}

/// gx = inv_std (h - mean(h) - xhat mean(h xhat)) for h = gy gamma; ggamma, gbeta are sums over the rows of gy xhat and
/// gy.
std::array<Array, 3> normalize_grad(const Array& gy, const Array& x, const Array& gamma, const Array& means,
                                    const Array& inverses, bool centre) {
  const std::int64_t rows = x.shape()[0], n = x.shape()[1], parts = (rows + kRowsOfPart - 1) / kRowsOfPart;
  Array gx = empty(x.shape(), x.dtype()), sums = zeros({2, n}, Dtype::kFloat64);
  std::vector<double> partial(static_cast<std::size_t>(2 * parts * n));
  dispatch_floating(x.dtype(), "layer_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::vector<T> ones_row(static_cast<std::size_t>(gamma ? 0 : n), T(1));
    const T* g = gamma ? gamma.data<T>() : ones_row.data();
    for_each_row_of(parts, n * kRowsOfPart, [&](std::int64_t part) {
      double* ggamma = partial.data() + 2 * part * n;
      double* gbeta = ggamma + n;
      for (std::int64_t r = part * kRowsOfPart; r < std::min(rows, (part + 1) * kRowsOfPart); ++r) {
        const T* from = x.data<T>() + r * n;
        const T* gradient = gy.data<T>() + r * n;
        T* to = gx.data<T>() + r * n;
        const T m = static_cast<T>(means.data<double>()[r]), s = static_cast<T>(inverses.data<double>()[r]);
        const double count = static_cast<double>(n);
        const T h =
            centre ? static_cast<T>(sum_of(n, [&](std::int64_t i) { return gradient[i] * g[i]; }) / count) : T(0);
        const T hx =
            static_cast<T>(sum_of(n, [&](std::int64_t i) { return gradient[i] * g[i] * ((from[i] - m) * s); }) / count);
        for (std::int64_t i = 0; i < n; ++i) {
          const T xhat = (from[i] - m) * s;
          to[i] = s * (gradient[i] * g[i] - h - xhat * hx);
          ggamma[i] += static_cast<double>(gradient[i] * xhat);
          gbeta[i] += static_cast<double>(gradient[i]);
        }
      }
    });
  });
  for (std::int64_t part = 0; part < parts; ++part) {
    for (std::int64_t i = 0; i < 2 * n; ++i)
      sums.data<double>()[i] += partial[static_cast<std::size_t>(2 * part * n + i)];
  }
  return {gx, sums.select(0, 0).to(x.dtype()), sums.select(0, 1).to(x.dtype())};
}

const Implementation cpu_row_normalization(row_normalization, DeviceKind::kCpu, cpu::in_float32<normalize>);
const Implementation cpu_row_normalization_grad(row_normalization_grad, DeviceKind::kCpu,
                                                cpu::in_float32<normalize_grad>);

}  // namespace
}  // namespace rensa::kernels
