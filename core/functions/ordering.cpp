#include "core/functions/ordering.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/indexing.h"
#include "core/kernels/ordering.h"

namespace rensa::functions {
namespace {

/// The axes with `axis` and the last one exchanged.
Dims exchanged(int ndim, int axis) {
  Dims order;
  for (int i = 0; i < ndim; ++i) order.push_back(i);
  std::swap(order[axis], order[ndim - 1]);
  return order;
}

Array argmost(const char* name, const Array& x, std::optional<int> axis, bool largest) {
  const int at = axis ? normalize_axis(*axis, x.ndim(), name) : 0;
  if (axis ? x.shape()[at] == 0 : x.size() == 0) {
    throw ValueError(name, ": ", x.shape(), " has no elements there: none is the ", largest ? "largest." : "smallest.");
  }
  if (!axis) return kernels::position_of_extreme(x.contiguous().reshape({x.size()}), largest);
  Dims last;
  for (int i = 0; i < x.ndim(); ++i) {
    if (i != at) last.push_back(i);
  }
  last.push_back(at);
  return kernels::position_of_extreme(x.transpose(last).contiguous(), largest);
}

// Along the last axis.

struct CumSum final : Function {
  bool reverse;
  explicit CumSum(bool r) : reverse(r) {}
  const char* name() const override { return "cumsum"; }

  Array forward(const Array& x) override { return kernels::running_sum(x.contiguous(), reverse); }
  Variables backward(const Variable& gy) override { return {apply(make_function<CumSum>(!reverse), gy)}; }
};

/// dy_j / dx_i is the product of the x_k with k <= j but k != i, for j >= i.
struct CumProd final : Function {
  const char* name() const override { return "cumprod"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::running_product(x.contiguous());
  }
  Variables backward(const Variable& gy) override {
    const Variable x = retained_input();
    const std::int64_t n = x.shape().back();
    // (…, i, k): x_k, but 1 where k = i; its running products along k, from k = i on.
    const Array row = arange(n).reshape({n, 1}).broadcast_to({n, n}),
                column = arange(n).reshape({1, n}).broadcast_to({n, n});
    const Array diagonal = kernels::compare(row, column, kernels::Comparison::kEqual);
    const Variable others = where(diagonal, constant_like(x, 1), expand_dims(x, -2));
    const Array from_i = kernels::compare(column, row, kernels::Comparison::kGreaterEqual);
    return {sum(where(from_i, apply<CumProd>(others) * expand_dims(gy, -2), constant_like(x, 0)), {-1})};
  }
};

template <class AlongLast>
Variable along(const char* name, const Variable& x, std::optional<int> axis, const AlongLast& run) {
  if (!axis) return run(reshape(x, {x.size()}));
  const int at = normalize_axis(*axis, x.ndim(), name);
  if (at == x.ndim() - 1) return run(x);
  const Dims order = exchanged(x.ndim(), at);
  return transpose(run(transpose(x, order)), order);
}

}  // namespace

Array argmax(const Array& x, std::optional<int> axis) { return argmost("argmax", x, axis, true); }
Array argmin(const Array& x, std::optional<int> axis) { return argmost("argmin", x, axis, false); }

Array argsort(const Array& x, int axis, bool descending) {
  const int at = normalize_axis(axis, x.ndim(), "argsort");
  const Dims order = exchanged(x.ndim(), at);
  return kernels::sorting_positions(x.transpose(order).contiguous(), descending).transpose(order);
}

Variable sort(const Variable& x, int axis, bool descending) {
  return gather(x, argsort(x.array(), axis, descending), axis);
}

TopK top_k(const Variable& x, std::int64_t k, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "top_k");
  if (k < 0 || k > x.shape()[at]) {
    throw ValueError("top_k: k is ", k, ", axis ", at, " of ", x.shape(), " has ", x.shape()[at], " elements.");
  }
  const Array positions = argsort(x.array(), at, /*descending=*/true).slice(at, {.start = 0, .stop = k}).contiguous();
  return {gather(x, positions, at), positions};
}

Variable cumsum(const Variable& x, std::optional<int> axis) {
  return along("cumsum", x, axis, [](const Variable& v) { return apply(make_function<CumSum>(false), v); });
}
Variable cumprod(const Variable& x, std::optional<int> axis) {
  return along("cumprod", x, axis, [](const Variable& v) { return apply<CumProd>(v); });
}

}  // namespace rensa::functions
