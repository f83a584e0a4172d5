#include "core/functions/matmul.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/kernels/product.h"

namespace rensa::functions {
namespace {

struct MatMul final : Function {
  bool transpose_a, transpose_b;
  Array destination;  ///< until forward() has written it
  MatMul(bool ta, bool tb, Array to) : transpose_a(ta), transpose_b(tb), destination(std::move(to)) {}
  const char* name() const override { return "matmul"; }

  Array forward(const Array& a, const Array& b) override {
    retain_inputs(0, 1);
    return kernels::product(transpose_a ? a.transpose() : a, transpose_b ? b.transpose() : b,
                            std::exchange(destination, {}));
  }
  Variables backward(const Variable& gy) override {
    auto [a, b] = retained_inputs<2>();
    const bool ta = transpose_a, tb = transpose_b;
    Variable ga, gb;
    if (needs_input_grad(0)) {
      const Array to = gradient_destination(0);
      ga = ta ? matmul_into(to, b, gy, tb, true) : matmul_into(to, gy, b, false, !tb);
    }
    if (needs_input_grad(1)) {
      const Array to = gradient_destination(1);
      gb = tb ? matmul_into(to, gy, a, true, ta) : matmul_into(to, a, gy, !ta, false);
    }
    return {ga, gb};
  }
};

}  // namespace

Variable matmul_into(const Array& destination, const Variable& a, const Variable& b, bool transpose_a,
                     bool transpose_b) {
  if (a.ndim() != 2 || b.ndim() != 2 || a.shape()[transpose_a ? 0 : 1] != b.shape()[transpose_b ? 1 : 0]) {
    throw ShapeError("matmul: expected matrices (m, k) and (k, n), found ", a.shape(),
                     transpose_a ? " (transposed)" : "", " and ", b.shape(), transpose_b ? " (transposed)" : "", ".");
  }
  if (a.dtype() != b.dtype()) {
    throw DtypeError("matmul: operands are ", a.dtype(), " and ", b.dtype(), ". Convert one with cast(x, dtype).");
  }
  return apply(make_function<MatMul>(transpose_a, transpose_b, destination), a, b);
}

Variable matmul(const Variable& a, const Variable& b, bool transpose_a, bool transpose_b) {
  return matmul_into(Array(), a, b, transpose_a, transpose_b);
}

}  // namespace rensa::functions
