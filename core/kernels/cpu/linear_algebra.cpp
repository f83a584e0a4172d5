#include "core/kernels/linear_algebra.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/lapack.h"

namespace rensa::kernels {
namespace {

// LAPACK reads columns: what it sees is the transpose of a row-major matrix.

int size_of(std::int64_t n) { return static_cast<int>(n); }

void check(const char* name, int info, std::int64_t matrix, const char* reason) {
  if (info != 0) throw ValueError(name, ": matrix ", matrix, " of the batch ", reason, " (LAPACK says ", info, ").");
}

/// Calls body(T(), matrix index, pointer to a copy of each matrix), with a's elements copied to `out` first.
template <class Body>
void for_each_matrix(const char* name, const Array& out, Body&& body) {
  const std::int64_t size = out.shape()[1] * out.shape()[2];
  dispatch_floating(out.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < out.shape()[0]; ++i) body(T(), i, out.data<T>() + i * size);
  });
}

Array inverse_cpu(const Array& a) {
  Array y = a.copy();
  const int n = size_of(a.shape()[1]);
  if (n == 0) return y;
  std::vector<int> pivots(static_cast<std::size_t>(n));
  for_each_matrix("inv", y, [&](auto zero, std::int64_t i, auto* m) {
    using T = decltype(zero);
    int info = 0;
    lapack::getrf(zero, &n, &n, m, &n, pivots.data(), &info);
    check("inv", info, i, "is singular");
    const int length = 64 * n;
    std::vector<T> work(static_cast<std::size_t>(length));
    lapack::getri(zero, &n, m, &n, pivots.data(), work.data(), &length, &info);
    check("inv", info, i, "is singular");
  });
  return y;
}

Array determinant_cpu(const Array& a) {
  const Array lu = a.copy();
  Array y = ones({a.shape()[0]}, a.dtype());
  const int n = size_of(a.shape()[1]);
  if (n == 0) return y;
  std::vector<int> pivots(static_cast<std::size_t>(n));
  for_each_matrix("det", lu, [&](auto zero, std::int64_t i, auto* m) {
    using T = decltype(zero);
    int info = 0;
    lapack::getrf(zero, &n, &n, m, &n, pivots.data(), &info);  // info > 0: singular, a pivot is 0 and so is the product
    T product = 1;
    for (int k = 0; k < n; ++k) product *= (pivots[static_cast<std::size_t>(k)] != k + 1 ? -1 : 1) * m[k * n + k];
    y.data<T>()[i] = product;
  });
  return y;
}

Array cholesky_cpu(const Array& a) {
  Array y = a.copy();
  const int n = size_of(a.shape()[1]);
  for_each_matrix("cholesky", y, [&](auto zero, std::int64_t i, auto* m) {
    int info = 0;
    if (n > 0) lapack::potrf(zero, "U", &n, m, &n, &info);
    check("cholesky", info, i, "is not positive definite");
    for (int row = 0; row < n; ++row) std::fill(m + row * n + row + 1, m + (row + 1) * n, decltype(zero)(0));
  });
  return y;
}

Array solve_cpu(const Array& a, const Array& b) {
  const Array columns = a.transpose({0, 2, 1}).copy();
  const Array x = b.transpose({0, 2, 1}).copy();
  const int n = size_of(a.shape()[1]), right = size_of(b.shape()[2]);
  std::vector<int> pivots(static_cast<std::size_t>(n));
  for_each_matrix("solve", columns, [&](auto zero, std::int64_t i, auto* m) {
    int info = 0;
    if (n > 0 && right > 0) {
      lapack::gesv(zero, &n, &right, m, &n, pivots.data(), x.data<decltype(zero)>() + i * n * right, &n, &info);
    }
    check("solve", info, i, "is singular");
  });
  return x.transpose({0, 2, 1}).contiguous();
}

std::array<Array, 2> qr_cpu(const Array& a) {
  const std::int64_t batch = a.shape()[0];
  const int m = size_of(a.shape()[1]), n = size_of(a.shape()[2]), k = std::min(m, n);
  const Array columns = a.transpose({0, 2, 1}).copy();  // (batch, n, m): m rows as LAPACK sees them
  Array r = zeros({batch, k, n}, a.dtype()), q = empty({batch, k, m}, a.dtype());
  if (k == 0) return {q.transpose({0, 2, 1}).contiguous(), r};
  for_each_matrix("qr", columns, [&](auto zero, std::int64_t i, auto* x) {
    using T = decltype(zero);
    std::vector<T> tau(static_cast<std::size_t>(k)), work(static_cast<std::size_t>(64 * n));
    const int length = 64 * n;
    int info = 0;
    lapack::geqrf(zero, &m, &n, x, &m, tau.data(), work.data(), &length, &info);
    for (int row = 0; row < k; ++row) {
      for (int column = row; column < n; ++column) r.data<T>()[(i * k + row) * n + column] = x[column * m + row];
    }
    lapack::orgqr(zero, &m, &k, &k, x, &m, tau.data(), work.data(), &length, &info);
    check("qr", info, i, "was refused");
    std::copy_n(x, static_cast<std::int64_t>(k) * m, q.data<T>() + i * k * m);
  });
  return {q.transpose({0, 2, 1}).contiguous(), r};
}

std::array<Array, 3> svd_cpu(const Array& a) {
  const std::int64_t batch = a.shape()[0];
  const int m = size_of(a.shape()[1]), n = size_of(a.shape()[2]), k = std::min(m, n);
  const Array x = a.copy();
  // LAPACK sees aᵀ = v s uᵀ: its left vectors are the rows of our vᵀ, its right ones the columns of our u.
  Array u = empty({batch, m, k}, a.dtype()), s = empty({batch, k}, a.dtype()), vt = empty({batch, k, n}, a.dtype());
  if (k == 0) return {u, s, vt};
  for_each_matrix("svd", x, [&](auto zero, std::int64_t i, auto* matrix) {
    using T = decltype(zero);
    std::vector<int> whole(static_cast<std::size_t>(8 * k));
    int info = 0, length = -1;
    T wanted = 0;
    const auto run = [&](T* work) {
      lapack::gesdd(zero, "S", &n, &m, matrix, &n, s.data<T>() + i * k, vt.data<T>() + i * k * n, &n,
                    u.data<T>() + i * m * k, &k, work, &length, whole.data(), &info);
    };
    run(&wanted);
    length = static_cast<int>(wanted);
    std::vector<T> work(static_cast<std::size_t>(length));
    run(work.data());
    check("svd", info, i, "did not converge");
  });
  return {u, s, vt};
}

std::array<Array, 2> eigh_cpu(const Array& a) {
  const int n = size_of(a.shape()[1]);
  const Array v = a.copy();
  Array w = empty({a.shape()[0], n}, a.dtype());
  if (n == 0) return {w, v};
  for_each_matrix("eigh", v, [&](auto zero, std::int64_t i, auto* matrix) {
    using T = decltype(zero);
    int info = 0, length = -1, whole_length = -1, whole_wanted = 0;
    T wanted = 0;
    const auto run = [&](T* work, int* whole) {
      lapack::syevd(zero, "V", "U", &n, matrix, &n, w.data<T>() + i * n, work, &length, whole, &whole_length, &info);
    };
    run(&wanted, &whole_wanted);
    length = static_cast<int>(wanted);
    whole_length = whole_wanted;
    std::vector<T> work(static_cast<std::size_t>(length));
    std::vector<int> whole(static_cast<std::size_t>(whole_length));
    run(work.data(), whole.data());
    check("eigh", info, i, "did not converge");
  });
  return {w, v.transpose({0, 2, 1}).contiguous()};
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_inverse(inverse, kCpu, cpu::in_float32<inverse_cpu>);
const Implementation cpu_determinant(determinant, kCpu, cpu::in_float32<determinant_cpu>);
const Implementation cpu_cholesky(cholesky, kCpu, cpu::in_float32<cholesky_cpu>);
const Implementation cpu_solve(solve, kCpu, cpu::in_float32<solve_cpu>);
const Implementation cpu_qr(qr, kCpu, cpu::in_float32<qr_cpu>);
const Implementation cpu_svd(svd, kCpu, cpu::in_float32<svd_cpu>);
const Implementation cpu_eigh(eigh, kCpu, cpu::in_float32<eigh_cpu>);

}  // namespace
}  // namespace rensa::kernels
