#include "core/functions/reduction.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"
#include "core/functions/positions.h"
#include "core/functions/shape.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/indexing.h"
#include "core/kernels/math.h"
#include "core/kernels/reduction.h"

namespace rensa::functions {
namespace {

Dims normalized(const Dims& axes, int ndim, const char* name) {
  Dims result;
  if (axes.ndim() == 0) {
    for (int i = 0; i < ndim; ++i) result.push_back(i);
    return result;
  }
  for (const std::int64_t axis : axes) {
    const int at = normalize_axis(axis, ndim, name);
    if (std::find(result.begin(), result.end(), at) != result.end()) {
      throw ValueError(name, ": axis ", at, " is named twice in ", axes, ".");
    }
    result.push_back(at);
  }
  return result;
}

/// The shape without the axes, from the shape where they have size 1.
Shape without(const Shape& shape, const Dims& axes) {
  Shape result;
  for (int i = 0; i < shape.ndim(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) result.push_back(shape[i]);
  }
  return result;
}

// The functions below keep reduced axes with size 1; the public ones drop them.

struct Sum final : Function {
  Dims axes;
  Shape before;
  explicit Sum(const Dims& over) : axes(over) {}
  const char* name() const override { return "sum"; }

  Array forward(const Array& x) override {
    before = x.shape();
    return kernels::sum(x, axes);
  }
  Variables backward(const Variable& gy) override { return {broadcast_to(gy, before)}; }
};

/// gy where an element is the largest of its axes, which each of equal ones is; 0 elsewhere. Its derivative with
/// respect to x is zero.
struct PassToLargest final : Function {
  Shape before;
  const char* name() const override { return "max_grad"; }

  Array forward(const Array& x, const Array& largest, const Array& gy) override {
    retain_inputs(0, 1);
    before = gy.shape();
    return kernels::pass_where_equal(x, largest, gy);
  }
  Variables backward(const Variable& ggx) override {
    const auto [x, largest] = retained_inputs<2>();
    return {Variable(), Variable(), sum_to(apply<PassToLargest>(x, largest, ggx), before)};
  }
};

struct Max final : Function {
  Dims axes;
  explicit Max(const Dims& over) : axes(over) {}
  const char* name() const override { return "max"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    Array y = kernels::max(x, axes);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override {
    return {apply<PassToLargest>(retained_input(), retained_output(), gy)};
  }
};

struct Prod final : Function {
  Dims axes;
  explicit Prod(const Dims& over) : axes(over) {}
  const char* name() const override { return "prod"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    Array y = kernels::prod(x, axes);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override {
    const Variable x = retained_input();
    const Array zero = kernels::equal(x.array(), zeros_like(x.array()));
    const bool any = zero.size() > 0 && max(Variable(zero)).item<double>() > 0;
    if (!any) return {gy * retained_output() / x};
    return {gy * others(x)};
  }

 private:
  /// The product of all elements but one's own, with the reduced axes last and as one, (kept, n): x_k but 1 at k = i.
  Variable others(const Variable& x) const {
    Dims order;
    std::int64_t kept = 1, n = 1;
    for (int i = 0; i < x.ndim(); ++i) {
      if (std::find(axes.begin(), axes.end(), i) != axes.end()) continue;
      order.push_back(i);
      kept *= x.shape()[i];
    }
    for (const std::int64_t axis : axes) {
      order.push_back(axis);
      n *= x.shape()[static_cast<int>(axis)];
    }
    const Variable turned = transpose(x, order);
    const Variable lines = reshape(turned, {kept, 1, n});
    const Array own = kernels::compare(arange(n).reshape({n, 1}).broadcast_to({n, n}), arange(n).broadcast_to({n, n}),
                                       kernels::Comparison::kEqual);
    const Variable products = prod(where(own, constant_like(x, 1), lines), {2});
    Dims back = Dims::filled(x.ndim(), 0);
    for (int i = 0; i < x.ndim(); ++i) back[static_cast<int>(order[i])] = i;
    return transpose(reshape(products, turned.shape()), back);
  }
};

struct LogSumExp final : Function {
  Dims axes;
  Array shift;  ///< the largest elements, which are taken off and added again; 0 for infinite ones
  explicit LogSumExp(const Dims& over) : axes(over) {}
  const char* name() const override { return "logsumexp"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    const Array largest = kernels::max(x, axes), none = zeros_like(largest);
    shift = kernels::where(is_equal(kernels::sub(largest, largest), none), largest, none);
    const Array total = kernels::sum(kernels::exp(kernels::sub(x, shift)), axes);
    return kernels::add(kernels::log(total), shift);
  }
  Variables backward(const Variable& gy) override {
    const Variable x = retained_input(), e = exp(x - Variable(shift)), total = sum(e, axes, /*keepdims=*/true);
    const Array of_nothing = is_equal(total.array(), zeros_like(total.array()));  // all elements are -infinity
    return {gy * e / where(of_nothing, constant_like(x, 1), total)};
  }
  void release_saved() override { shift = {}; }

 private:
  static Array is_equal(const Array& a, const Array& b) { return kernels::compare(a, b, kernels::Comparison::kEqual); }
};

struct BroadcastTo final : Function {
  Shape shape, before;
  explicit BroadcastTo(const Shape& to) : shape(to) {}
  const char* name() const override { return "broadcast_to"; }

  Array forward(const Array& x) override {
    before = x.shape();
    return x.broadcast_to(shape);
  }
  Variables backward(const Variable& gy) override { return {sum_to(gy, before)}; }
};

/// Whole numbers, joined in int64.
template <class Join>
Variable over_whole_numbers(const Variable& x, const Dims& axes, bool keepdims, Dtype dtype, std::int64_t start,
                            const Join& join) {
  Shape shape = x.shape();
  for (const std::int64_t axis : axes) shape[static_cast<int>(axis)] = 1;
  const Array values = x.array().to(Device{}).to(Dtype::kInt64).contiguous(),
              places = numbered(shape).broadcast_to(x.shape()).contiguous();  // of the results
  Array y = empty(shape, Dtype::kInt64);
  std::int64_t* results = y.data<std::int64_t>();
  std::fill_n(results, y.size(), start);
  for (std::int64_t i = 0; i < values.size(); ++i) {
    std::int64_t& result = results[places.data<std::int64_t>()[i]];
    result = join(result, values.data<std::int64_t>()[i]);
  }
  const Array result = y.to(dtype).to(x.device());
  return keepdims ? result : result.reshape(without(shape, axes));
}

using WholeLimits = std::numeric_limits<std::int64_t>;

template <class F>
Variable over(const Variable& x, const Dims& axes, bool keepdims) {
  const Variable y = apply(make_function<F>(axes), x);
  return keepdims ? y : reshape(y, without(y.shape(), axes));
}

}  // namespace

Variable sum(const Variable& x, const Dims& axes, bool keepdims) {
  const Dims all = normalized(axes, x.ndim(), "sum");
  if (!is_floating(x.dtype())) return over_whole_numbers(x, all, keepdims, Dtype::kInt64, 0, std::plus());
  return over<Sum>(x, all, keepdims);
}

Variable mean(const Variable& x, const Dims& axes, bool keepdims) {
  if (is_half(x.dtype())) {  // the sum may be beyond float16's range
    return cast(mean(cast(x, Dtype::kFloat32), axes, keepdims), x.dtype());
  }
  if (!is_floating(x.dtype())) return mean(cast(x, Dtype::kFloat64), axes, keepdims);
  std::int64_t count = 1;
  for (const std::int64_t axis : normalized(axes, x.ndim(), "mean")) count *= x.shape()[static_cast<int>(axis)];
  return sum(x, axes, keepdims) * (1 / static_cast<double>(count));
}

Variable max(const Variable& x, const Dims& axes, bool keepdims) {
  const Dims all = normalized(axes, x.ndim(), "max");
  for (const std::int64_t axis : all) {
    if (x.shape()[static_cast<int>(axis)] == 0) {
      throw ValueError("max: axis ", axis, " of ", x.shape(), " has size 0: nothing is the largest.");
    }
  }
  if (!is_floating(x.dtype())) {
    const auto larger = [](std::int64_t a, std::int64_t b) { return std::max(a, b); };
    return over_whole_numbers(x, all, keepdims, x.dtype(), WholeLimits::min(), larger);
  }
  return over<Max>(x, all, keepdims);
}

Variable min(const Variable& x, const Dims& axes, bool keepdims) {
  const Dims all = normalized(axes, x.ndim(), "min");
  for (const std::int64_t axis : all) {
    if (x.shape()[static_cast<int>(axis)] == 0) {
      throw ValueError("min: axis ", axis, " of ", x.shape(), " has size 0: nothing is the smallest.");
    }
  }
  if (!is_floating(x.dtype())) {
    const auto smaller = [](std::int64_t a, std::int64_t b) { return std::min(a, b); };
    return over_whole_numbers(x, all, keepdims, x.dtype(), WholeLimits::max(), smaller);
  }
  return -max(-x, axes, keepdims);
}

Variable prod(const Variable& x, const Dims& axes, bool keepdims) {
  const Dims all = normalized(axes, x.ndim(), "prod");
  if (!is_floating(x.dtype())) return over_whole_numbers(x, all, keepdims, Dtype::kInt64, 1, std::multiplies());
  return over<Prod>(x, all, keepdims);
}

Variable average(const Variable& x, const Dims& axes, const Variable* weights, bool keepdims) {
  if (!weights) return mean(x, axes, keepdims);
  if (is_half(x.dtype())) {  // the sums may be beyond float16's range
    const Variable wide = cast(*weights, Dtype::kFloat32);
    return cast(average(cast(x, Dtype::kFloat32), axes, &wide, keepdims), x.dtype());
  }
  const Dims all = normalized(axes, x.ndim(), "average");
  Variable w = *weights;
  if (w.shape() != x.shape()) {
    if (all.ndim() != 1 || w.shape() != Shape{x.shape()[static_cast<int>(all[0])]}) {
      throw ShapeError("average: the weights are ", w.shape(), ", expected x's shape ", x.shape(),
                       ", or the size of the one axis.");
    }
    Shape shape = Shape::filled(x.ndim(), 1);
    shape[static_cast<int>(all[0])] = w.size();
    w = broadcast_to(reshape(w, shape), x.shape());
  }
  return sum(x * w, axes, keepdims) / sum(w, axes, keepdims);
}

Variable logsumexp(const Variable& x, const Dims& axes, bool keepdims) {
  const Dims all = normalized(axes, x.ndim(), "logsumexp");
  if (is_half(x.dtype())) {  // the sum may be beyond float16's range
    return cast(logsumexp(cast(x, Dtype::kFloat32), axes, keepdims), x.dtype());
  }
  if (x.size() == 0) return log(sum(exp(x), axes, keepdims));
  return over<LogSumExp>(x, all, keepdims);
}

Variable broadcast_to(const Variable& x, const Shape& shape) {
  return x.shape() == shape ? x : apply(make_function<BroadcastTo>(shape), x);
}

Variable sum_to(const Variable& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int added = x.ndim() - shape.ndim();
  Dims axes;
  for (int i = 0; i < x.ndim(); ++i) {
    if (i < added || (shape[i - added] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  }
  return reshape(axes.ndim() == 0 ? x : sum(x, axes, /*keepdims=*/true), shape);
}

}  // namespace rensa::functions
