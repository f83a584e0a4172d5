#include "core/functions/matmul.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/promotion.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
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

Variable batch_product(const Variable& a, const Variable& b);

Variable transposed(const Variable& x) {
  Dims order;
  for (int i = 0; i < x.ndim(); ++i) order.push_back(i);
  std::swap(order[x.ndim() - 2], order[x.ndim() - 1]);
  return transpose(x, order);
}

/// Of (batch, m, k) and (batch, k, n); what is transposed is a view, which costs nothing.
struct BatchProduct final : Function {
  const char* name() const override { return "matmul"; }

  Array forward(const Array& a, const Array& b) override {
    retain_inputs(0, 1);
    return kernels::batch_product(a, b);
  }
  Variables backward(const Variable& gy) override {
    auto [a, b] = retained_inputs<2>();
    return {needs_input_grad(0) ? batch_product(gy, transposed(b)) : Variable(),
            needs_input_grad(1) ? batch_product(transposed(a), gy) : Variable()};
  }
};

Variable batch_product(const Variable& a, const Variable& b) {
  return promoted(a, b, [](const Variable& x, const Variable& y) { return apply<BatchProduct>(x, y); });
}

/// a and b with at least two axes each and equal inner sizes.
Variable batched(const Variable& a, const Variable& b) {
  const auto batch_of = [](const Variable& x) {
    Shape batch = x.shape();
    batch.erase(batch.ndim() - 1);
    batch.erase(batch.ndim() - 1);
    return batch;
  };
  const std::int64_t m = a.shape()[a.ndim() - 2], k = a.shape().back(), n = b.shape().back();
  const auto with = [](Shape batch, std::int64_t rows, std::int64_t columns) {
    batch.push_back(rows);
    batch.push_back(columns);
    return batch;
  };
  if (b.ndim() == 2) {  // one product for the whole batch
    return reshape(matmul(reshape(a, {total_size(batch_of(a)) * m, k}), b), with(batch_of(a), m, n));
  }
  const Shape batch = broadcast_shapes(batch_of(a), batch_of(b), "matmul");
  const std::int64_t count = total_size(batch);
  const Variable x = reshape(broadcast_to(a, with(batch, m, k)), {count, m, k});
  const Variable y = reshape(broadcast_to(b, with(batch, k, n)), {count, k, n});
  return reshape(batch_product(x, y), with(batch, m, n));
}

}  // namespace

Variable matmul_into(const Array& destination, const Variable& a, const Variable& b, bool transpose_a,
                     bool transpose_b) {
  if (a.ndim() != 2 || b.ndim() != 2 || a.shape()[transpose_a ? 0 : 1] != b.shape()[transpose_b ? 1 : 0]) {
    throw ShapeError("matmul: expected matrices (m, k) and (k, n), found ", a.shape(),
                     transpose_a ? " (transposed)" : "", " and ", b.shape(), transpose_b ? " (transposed)" : "", ".");
  }
  return promoted(a, b, [&](const Variable& x, const Variable& y) {
    const bool fits = destination && destination.dtype() == x.dtype();
    return apply(make_function<MatMul>(transpose_a, transpose_b, fits ? destination : Array()), x, y);
  });
}

Variable matmul(const Variable& a, const Variable& b, bool transpose_a, bool transpose_b) {
  if (a.ndim() == 2 && b.ndim() == 2) return matmul_into(Array(), a, b, transpose_a, transpose_b);
  if (a.ndim() == 0 || b.ndim() == 0) {
    throw ShapeError("matmul: expected at least one axis each, found ", a.shape(), " and ", b.shape(),
                     ". Multiply numbers with *.");
  }
  const Variable left = a.ndim() == 1 ? expand_dims(a, 0) : transpose_a ? transposed(a) : a;
  const Variable right = b.ndim() == 1 ? expand_dims(b, 1) : transpose_b ? transposed(b) : b;
  if (left.shape().back() != right.shape()[right.ndim() - 2]) {
    throw ShapeError("matmul: expected (…, m, k) and (…, k, n), found ", a.shape(), transpose_a ? " (transposed)" : "",
                     " and ", b.shape(), transpose_b ? " (transposed)" : "", ".");
  }
  Variable y = batched(left, right);
  if (b.ndim() == 1) y = squeeze(y, -1);
  if (a.ndim() == 1) y = squeeze(y, b.ndim() == 1 ? -1 : -2);
  return y;
}

Variable batch_matmul(const Variable& a, const Variable& b, bool transpose_a, bool transpose_b) {
  const auto matrices = [](const Variable& x) { return x.ndim() == 2 ? expand_dims(x, 2) : x; };
  if (a.ndim() < 2 || a.ndim() > 3 || b.ndim() < 2 || b.ndim() > 3 || a.shape()[0] != b.shape()[0]) {
    throw ShapeError("batch_matmul: expected (batch, m, k) and (batch, k, n), found ", a.shape(), " and ", b.shape(),
                     ".");
  }
  return matmul(matrices(a), matrices(b), transpose_a, transpose_b);
}

Variable tensordot(const Variable& a, const Variable& b, const Dims& axes_a, const Dims& axes_b) {
  if (axes_a.ndim() != axes_b.ndim()) {
    throw ValueError("tensordot: axes ", axes_a, " and ", axes_b, "; expected equally many.");
  }
  std::int64_t inner = 1;
  unsigned summed_a = 0, summed_b = 0;
  Dims last, first;
  for (int i = 0; i < axes_a.ndim(); ++i) {
    const int in_a = normalize_axis(axes_a[i], a.ndim(), "tensordot");
    const int in_b = normalize_axis(axes_b[i], b.ndim(), "tensordot");
    if (a.shape()[in_a] != b.shape()[in_b]) {
      throw ShapeError("tensordot: axis ", in_a, " of ", a.shape(), " and axis ", in_b, " of ", b.shape(),
                       " differ in size.");
    }
    if ((summed_a >> in_a & 1u) || (summed_b >> in_b & 1u)) throw ValueError("tensordot: an axis is named twice.");
    summed_a |= 1u << in_a;
    summed_b |= 1u << in_b;
    last.push_back(in_a);
    first.push_back(in_b);
    inner *= a.shape()[in_a];
  }
  Dims order_a, order_b = first;
  Shape shape;
  std::int64_t rows = 1, columns = 1;
  for (int i = 0; i < a.ndim(); ++i) {
    if (summed_a >> i & 1u) continue;
    order_a.push_back(i);
    shape.push_back(a.shape()[i]);
    rows *= a.shape()[i];
  }
  for (const std::int64_t axis : last) order_a.push_back(axis);
  for (int i = 0; i < b.ndim(); ++i) {
    if (summed_b >> i & 1u) continue;
    order_b.push_back(i);
    shape.push_back(b.shape()[i]);
    columns *= b.shape()[i];
  }
  const Variable left = reshape(transpose(a, order_a), {rows, inner}),
                 right = reshape(transpose(b, order_b), {inner, columns});
  return reshape(matmul(left, right), shape);
}

Variable tensordot(const Variable& a, const Variable& b, int axes) {
  if (axes < 0 || axes > a.ndim() || axes > b.ndim()) {
    throw ValueError("tensordot: ", axes, " axes of ", a.shape(), " and ", b.shape(), " cannot be summed.");
  }
  Dims last, first;
  for (int i = 0; i < axes; ++i) {
    last.push_back(a.ndim() - axes + i);
    first.push_back(i);
  }
  return tensordot(a, b, last, first);
}

}  // namespace rensa::functions
