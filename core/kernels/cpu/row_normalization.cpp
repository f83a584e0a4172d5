#include "core/kernels/row_normalization.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

/// Rows whose ggamma and gbeta are summed together: fixed, whatever the threads.
constexpr std::int64_t kRowsOfPart = 64;
constexpr std::int64_t kCost = 16;  ///< of an element, in simple operations

/// The sum over i < n of term(i), in lanes: its loop is a vector loop.
template <class Term>
double sum_of(std::int64_t n, const Term& term) {
  constexpr std::int64_t kLanes = 8;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  for (; i < n; ++i) lanes[0] += term(i);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

// Rows one by one, in float32 with the widest instructions, in float64 with those of every processor.

void normalize_rows(const float* x, const float* gamma, const float* beta, double eps, bool centre, std::int64_t rows,
                    std::int64_t n, float* y, double* means, double* inverses) {
  cpu::vector_normalize_rows(x, gamma, beta, eps, centre, rows, n, y, means, inverses);
}
void normalize_rows(const double* x, const double* gamma, const double* beta, double eps, bool centre,
                    std::int64_t rows, std::int64_t n, double* y, double* means, double* inverses) {
  const double count = static_cast<double>(n);
  for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const double m = centre ? sum_of(n, [&](std::int64_t i) { return x[i]; }) / count : 0;
    const double squares = sum_of(n, [&](std::int64_t i) { return (x[i] - m) * (x[i] - m); });
    const double s = 1 / std::sqrt(squares / count + eps);
    means[r] = m;
    inverses[r] = s;
    for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * s;
    if (gamma) {
      for (std::int64_t i = 0; i < n; ++i) y[i] *= gamma[i];
    }
    if (beta) {
      for (std::int64_t i = 0; i < n; ++i) y[i] += beta[i];
    }
  }
}

void normalize_rows_grad(const float* gy, const float* x, const float* gamma, const double* means,
                         const double* inverses, bool centre, std::int64_t rows, std::int64_t n, float* gx,
                         double* ggamma, double* gbeta) {
  cpu::vector_normalize_rows_grad(gy, x, gamma, means, inverses, centre, rows, n, gx, ggamma, gbeta);
}
void normalize_rows_grad(const double* gy, const double* x, const double* gamma, const double* means,
                         const double* inverses, bool centre, std::int64_t rows, std::int64_t n, double* gx,
                         double* ggamma, double* gbeta) {
  const double count = static_cast<double>(n);
  for (std::int64_t r = 0; r < rows; ++r, gy += n, x += n, gx += n) {
    const double m = means[r], s = inverses[r];
    const double h = centre ? sum_of(n, [&](std::int64_t i) { return gy[i] * gamma[i]; }) / count : 0;
    const double hx = sum_of(n, [&](std::int64_t i) { return gy[i] * gamma[i] * ((x[i] - m) * s); }) / count;
    for (std::int64_t i = 0; i < n; ++i) {
      const double xhat = (x[i] - m) * s;
      gx[i] = s * (gy[i] * gamma[i] - h - xhat * hx);
      ggamma[i] += gy[i] * xhat;
      gbeta[i] += gy[i];
    }
  }
}

std::array<Array, 3> normalize(const Array& x, const Array& gamma, const Array& beta, double eps, bool centre) {
  const std::int64_t rows = x.shape()[0], n = x.shape()[1];
  Array y = empty(x.shape(), x.dtype()), means = empty({rows}, Dtype::kFloat64),
        inverses = empty({rows}, Dtype::kFloat64);
  dispatch_floating(x.dtype(), "layer_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* g = gamma ? gamma.data<T>() : nullptr;
    const T* b = beta ? beta.data<T>() : nullptr;
    cpu::for_each_block(
        rows,
        [&](std::int64_t begin, std::int64_t end) {
          normalize_rows(x.data<T>() + begin * n, g, b, eps, centre, end - begin, n, y.data<T>() + begin * n,
                         means.data<double>() + begin, inverses.data<double>() + begin);
        },
        kCost * n);
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
    const T *g = gamma ? gamma.data<T>() : ones_row.data(), *gys = gy.data<T>(), *xs = x.data<T>();
    cpu::for_each_block(
        parts,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t part = begin; part < end; ++part) {
            const std::int64_t first = part * kRowsOfPart;
            double* ggamma = partial.data() + 2 * part * n;
            normalize_rows_grad(gys + first * n, xs + first * n, g, means.data<double>() + first,
                                inverses.data<double>() + first, centre, std::min(kRowsOfPart, rows - first), n,
                                gx.data<T>() + first * n, ggamma, ggamma + n);
          }
        },
        kCost * n * kRowsOfPart);
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
