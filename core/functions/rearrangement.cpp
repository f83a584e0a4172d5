#include "core/functions/rearrangement.h"

#include <algorithm>

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/indexing.h"
#include "core/functions/positions.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

struct Copy final : Function {
  const char* name() const override { return "copy"; }
  Array forward(const Array& x) override { return x.copy(x.layout()); }
  Variables backward(const Variable& gy) override { return {copy(gy)}; }
};

Dims in_order(int ndim) {
  Dims order;
  for (int i = 0; i < ndim; ++i) order.push_back(i);
  return order;
}

void check_blocks(const char* name, const Variable& x, std::int64_t r, bool to_space) {
  if (x.ndim() != 4) throw ShapeError(name, ": expected x (N, C, H, W), found ", x.shape(), ".");
  if (r < 1) throw ValueError(name, ": r is ", r, ", expected at least 1.");
  const bool fits = to_space ? x.shape()[1] % (r * r) == 0 : x.shape()[2] % r == 0 && x.shape()[3] % r == 0;
  if (!fits) {
    throw ShapeError(name, ": x is ", x.shape(), "; expected ",
                     to_space ? "channels in multiples of " : "height and width in multiples of ", to_space ? r * r : r,
                     ".");
  }
}

}  // namespace

Variable flatten(const Variable& x) { return reshape(x, {x.size()}); }
Variable copy(const Variable& x) {
  if (!x.array()) throw ValueError("copy: there is no array here (the variable was default-constructed).");
  return apply<Copy>(x);
}

Variable flip(const Variable& x, int axis) { return slice(x, normalize_axis(axis, x.ndim(), "flip"), {.step = -1}); }
Variable fliplr(const Variable& x) { return slice(x, normalize_axis(1, x.ndim(), "fliplr"), {.step = -1}); }
Variable flipud(const Variable& x) { return slice(x, normalize_axis(0, x.ndim(), "flipud"), {.step = -1}); }

Variable swapaxes(const Variable& x, int axis1, int axis2) {
  Dims order = in_order(x.ndim());
  std::swap(order[normalize_axis(axis1, x.ndim(), "swapaxes")], order[normalize_axis(axis2, x.ndim(), "swapaxes")]);
  return transpose(x, order);
}

Variable moveaxis(const Variable& x, const std::vector<int>& source, const std::vector<int>& destination) {
  if (source.size() != destination.size()) {
    throw ValueError("moveaxis: ", source.size(), " axes to ", destination.size(), " places; expected equally many.");
  }
  Dims order = Dims::filled(x.ndim(), -1);
  std::vector<int> others;
  for (int i = 0; i < x.ndim(); ++i) others.push_back(i);
  for (std::size_t i = 0; i < source.size(); ++i) {
    const int from = normalize_axis(source[i], x.ndim(), "moveaxis"),
              to = normalize_axis(destination[i], x.ndim(), "moveaxis");
    const auto at = std::find(others.begin(), others.end(), from);
    if (at == others.end() || order[to] >= 0) throw ValueError("moveaxis: an axis is named twice.");
    others.erase(at);
    order[to] = from;
  }
  auto next = others.begin();
  for (int i = 0; i < x.ndim(); ++i) {
    if (order[i] < 0) order[i] = *next++;
  }
  return transpose(x, order);
}

Variable rollaxis(const Variable& x, int axis, int start) {
  const int from = normalize_axis(axis, x.ndim(), "rollaxis");
  const int before = start == x.ndim() ? start : normalize_axis(start, x.ndim(), "rollaxis");
  return moveaxis(x, {from}, {before > from ? before - 1 : before});
}

Variable repeat(const Variable& x, const std::vector<std::int64_t>& times, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "repeat");
  if (static_cast<std::int64_t>(times.size()) != x.shape()[at]) {
    throw ShapeError("repeat: ", times.size(), " counts for axis ", at, " of ", x.shape(), ", expected ", x.shape()[at],
                     ".");
  }
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] < 0) throw ValueError("repeat: a count is ", times[i], ", expected 0 or more.");
    rows.insert(rows.end(), static_cast<std::size_t>(times[i]), static_cast<std::int64_t>(i));
  }
  return take(x, array(rows, {static_cast<std::int64_t>(rows.size())}), at);
}

Variable repeat(const Variable& x, std::int64_t times, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "repeat");
  return repeat(x, std::vector<std::int64_t>(static_cast<std::size_t>(x.shape()[at]), times), at);
}

Variable repeat(const Variable& x, std::int64_t times) { return repeat(flatten(x), times, 0); }
Variable repeat(const Variable& x, const std::vector<std::int64_t>& times) { return repeat(flatten(x), times, 0); }

Variable tile(const Variable& x, const std::vector<std::int64_t>& times) {
  // (1, a, 1, b, …) broadcast to (times, a, times, b, …).
  const int count = std::max(static_cast<int>(times.size()), x.ndim());
  Shape once, broadcast, result;
  for (int i = 0; i < count; ++i) {
    const int axis = i - (count - x.ndim()), repeat = i - (count - static_cast<int>(times.size()));
    const std::int64_t size = axis < 0 ? 1 : x.shape()[axis],
                       n = repeat < 0 ? 1 : times[static_cast<std::size_t>(repeat)];
    if (n < 0) throw ValueError("tile: a count is ", n, ", expected 0 or more.");
    if (n != 1) {
      once.push_back(1);
      broadcast.push_back(n);
    }
    once.push_back(size);
    broadcast.push_back(size);
    result.push_back(n * size);
  }
  return reshape(broadcast_to(reshape(x, once), broadcast), result);
}

Variable diagonal(const Variable& x, int offset, int axis1, int axis2) {
  const int a = normalize_axis(axis1, x.ndim(), "diagonal"), b = normalize_axis(axis2, x.ndim(), "diagonal");
  if (a == b) throw ValueError("diagonal: axis1 and axis2 are both ", a, ", expected two axes.");
  const std::int64_t row = std::max(0, -offset), column = std::max(0, offset);
  const std::int64_t length = std::max<std::int64_t>(0, std::min(x.shape()[a] - row, x.shape()[b] - column));
  const Array places = numbered(x.shape())
                           .slice(a, {.start = row, .stop = row + length})
                           .slice(b, {.start = column, .stop = column + length});
  Dims order;
  for (int i = 0; i < x.ndim(); ++i) {
    if (i != a && i != b) order.push_back(i);
  }
  Shape shape;
  for (const std::int64_t axis : order) shape.push_back(x.shape()[static_cast<int>(axis)]);
  shape.push_back(length);
  order.push_back(a);
  order.push_back(b);
  const Array lines = places.transpose(order).contiguous();  // (…, length, length)
  Array positions = empty(shape, Dtype::kInt64);
  for (std::int64_t i = 0; i < positions.size(); ++i) {
    const std::int64_t k = i % length;
    positions.data<std::int64_t>()[i] = lines.data<std::int64_t>()[(i / length * length + k) * length + k];
  }
  return take_positions("diagonal", x, positions);
}

Variable as_strided(const Variable& x, const Shape& shape, const Strides& strides, std::int64_t offset) {
  if (shape.ndim() != strides.ndim()) {
    throw ShapeError("as_strided: shape ", shape, " and strides ", strides, " have different numbers of axes.");
  }
  std::int64_t low = offset, high = offset;
  for (int i = 0; i < shape.ndim(); ++i) (strides[i] < 0 ? low : high) += strides[i] * (shape[i] - 1);
  if (total_size(shape) > 0 && (low < 0 || high >= x.size())) {
    throw IndexError("as_strided: elements ", low, " to ", high, " are asked for, x ", x.shape(), " has ", x.size(),
                     ".");
  }
  Array positions = empty(shape, Dtype::kInt64);
  for (std::int64_t i = 0; i < positions.size(); ++i) {
    std::int64_t rest = i, at = offset;
    for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
      at += rest % shape[axis] * strides[axis];
      rest /= shape[axis];
    }
    positions.data<std::int64_t>()[i] = at;
  }
  return take_positions("as_strided", x, positions);
}

Variable depth2space(const Variable& x, std::int64_t r) {
  check_blocks("depth2space", x, r, true);
  const std::int64_t n = x.shape()[0], c = x.shape()[1] / (r * r), h = x.shape()[2], w = x.shape()[3];
  const Variable blocks = transpose(reshape(x, {n, r, r, c, h, w}), {0, 3, 4, 1, 5, 2});
  return reshape(blocks, {n, c, h * r, w * r});
}

Variable space2depth(const Variable& x, std::int64_t r) {
  check_blocks("space2depth", x, r, false);
  const std::int64_t n = x.shape()[0], c = x.shape()[1], h = x.shape()[2] / r, w = x.shape()[3] / r;
  const Variable blocks = transpose(reshape(x, {n, c, h, r, w, r}), {0, 3, 5, 1, 2, 4});
  return reshape(blocks, {n, r * r * c, h, w});
}

}  // namespace rensa::functions
