#include "core/functions/linear_algebra.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/matmul.h"
#include "core/functions/rearrangement.h"
#include "core/functions/shape.h"
#include "core/kernels/linear_algebra.h"

namespace rensa::functions {
namespace {

void check_matrices(const char* name, const Shape& shape, bool square) {
  const int ndim = shape.ndim();
  if (ndim < 2 || (square && shape[ndim - 1] != shape[ndim - 2])) {
    throw ShapeError(name, ": expected matrices ", square ? "(…, n, n)" : "(…, m, n)", ", found ", shape, ".");
  }
}

Shape as_batch(const Shape& shape) {
  const int n = shape.ndim();
  Shape batch = {1, shape[n - 2], shape[n - 1]};
  for (int i = 0; i < n - 2; ++i) batch[0] *= shape[i];
  return batch;
}

/// `like` with its last two axes replaced.
Shape with_matrix(const Shape& like, const Dims& last) {
  Shape shape;
  for (int i = 0; i < like.ndim() - 2; ++i) shape.push_back(like[i]);
  for (const std::int64_t size : last) shape.push_back(size);
  return shape;
}

Variable transposed(const Variable& x) { return swapaxes(x, -2, -1); }

// Of (batch, n, n).

struct Inverse final : Function {
  const char* name() const override { return "inv"; }

  Array forward(const Array& a) override {
    Array y = kernels::inverse(a.contiguous());
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override {
    const Variable yt = transposed(retained_output());
    return {-matmul(matmul(yt, gy), yt)};
  }
};

struct Determinant final : Function {
  const char* name() const override { return "det"; }

  Array forward(const Array& a) override {
    retain_inputs(0);
    Array y = kernels::determinant(a.contiguous());
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override {
    const Variable scale = reshape(gy * retained_output(), {-1, 1, 1});
    return {scale * transposed(inv(retained_input()))};
  }
};

/// 1 below the diagonal, 1/2 on it, 0 above.
Variable half_lower(const Variable& like) {
  const std::int64_t n = like.shape().back();
  Array mask = zeros({n, n}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) mask.data<double>()[i * n + j] = i == j ? 0.5 : 1;
  }
  return constant_like(like, mask);
}

struct Cholesky final : Function {
  const char* name() const override { return "cholesky"; }

  Array forward(const Array& a) override {
    Array y = kernels::cholesky(a.contiguous());
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override {
    const Variable L = retained_output(), inverse = inv(L);
    const Variable middle = matmul(transposed(L), gy) * half_lower(L);
    const Variable g = matmul(matmul(transposed(inverse), middle), inverse);
    return {(g + transposed(g)) * 0.5};
  }
};

struct Solve final : Function {
  const char* name() const override { return "solve"; }

  Array forward(const Array& a, const Array& b) override {
    retain_inputs(0);
    Array x = kernels::solve(a.contiguous(), b.contiguous());
    retain_output(x);
    return x;
  }
  Variables backward(const Variable& gx) override {
    const Variable gb = solve(transposed(retained_input()), gx);
    return {needs_input_grad(0) ? -matmul(gb, transposed(retained_output())) : Variable(), gb};
  }
};

}  // namespace

Variable inv(const Variable& a) {
  check_matrices("inv", a.shape(), true);
  return reshape(apply<Inverse>(reshape(a, as_batch(a.shape()))), a.shape());
}
Variable batch_inv(const Variable& a) {
  if (a.ndim() != 3) throw ShapeError("batch_inv: expected (batch, n, n), found ", a.shape(), ".");
  return inv(a);
}

Variable det(const Variable& a) {
  check_matrices("det", a.shape(), true);
  return reshape(apply<Determinant>(reshape(a, as_batch(a.shape()))), with_matrix(a.shape(), {}));
}
Variable batch_det(const Variable& a) {
  if (a.ndim() != 3) throw ShapeError("batch_det: expected (batch, n, n), found ", a.shape(), ".");
  return det(a);
}

Variable cholesky(const Variable& a) {
  check_matrices("cholesky", a.shape(), true);
  return reshape(apply<Cholesky>(reshape(a, as_batch(a.shape()))), a.shape());
}

Variable solve(const Variable& a, const Variable& b) {
  check_matrices("solve", a.shape(), true);
  bool fits = a.ndim() == b.ndim() && a.dtype() == b.dtype();
  for (int i = 0; fits && i < a.ndim() - 1; ++i) fits = a.shape()[i] == b.shape()[i];
  if (!fits) {
    throw ShapeError("solve: a is ", a.dtype(), " ", a.shape(), ", b is ", b.dtype(), " ", b.shape(),
                     "; expected (…, n, n) and (…, n, k) of one dtype.");
  }
  return reshape(apply<Solve>(reshape(a, as_batch(a.shape())), reshape(b, as_batch(b.shape()))), b.shape());
}

Qr qr(const Array& a) {
  check_matrices("qr", a.shape(), false);
  const auto [q, r] = kernels::qr(a.contiguous().reshape(as_batch(a.shape())));
  return {q.reshape(with_matrix(a.shape(), {q.shape()[1], q.shape()[2]})),
          r.reshape(with_matrix(a.shape(), {r.shape()[1], r.shape()[2]}))};
}

Svd svd(const Array& a) {
  check_matrices("svd", a.shape(), false);
  const auto [u, s, vt] = kernels::svd(a.contiguous().reshape(as_batch(a.shape())));
  return {u.reshape(with_matrix(a.shape(), {u.shape()[1], u.shape()[2]})),
          s.reshape(with_matrix(a.shape(), {s.shape()[1]})),
          vt.reshape(with_matrix(a.shape(), {vt.shape()[1], vt.shape()[2]}))};
}

Eigh eigh(const Array& a) {
  check_matrices("eigh", a.shape(), true);
  const auto [w, v] = kernels::eigh(a.contiguous().reshape(as_batch(a.shape())));
  return {w.reshape(with_matrix(a.shape(), {w.shape()[1]})), v.reshape(a.shape())};
}

}  // namespace rensa::functions
