#include "core/functions/indexing.h"

#include <algorithm>

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/positions.h"
#include "core/functions/promotion.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/kernels/indexing.h"

namespace rensa::functions {
namespace {

/// Whole numbers in [0, size), as int64 and contiguous; `ignored` becomes -1, which is nowhere.
Array checked(const char* name, const Array& indices, std::int64_t size, bool from_end,
              std::optional<std::int64_t> ignored = std::nullopt) {
  if (indices.dtype() != Dtype::kInt32 && indices.dtype() != Dtype::kInt64) {
    throw DtypeError(name, ": the indices are ", indices.dtype(), ", expected int32 or int64.");
  }
  const Array result = indices.to(Device{}).to(Dtype::kInt64).copy();  // looked at on the host
  auto* at = result.data<std::int64_t>();
  for (std::int64_t i = 0, count = result.size(); i < count; ++i) {
    if (ignored && at[i] == *ignored) {
      at[i] = -1;
      continue;
    }
    if (at[i] >= size || at[i] < (from_end ? -size : 0)) {
      throw IndexError(name, ": index ", at[i], " at place ", i, " is out of range, expected ", from_end ? -size : 0,
                       " to ", size - 1, ".");
    }
    if (at[i] < 0) at[i] += size;
  }
  return result;
}

/// Rows along `axis`, which the axes of `indices` replace.
Variable take_checked(const Variable& x, const Array& rows, const Shape& rows_shape, int axis) {
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.push_back(x.shape()[i]);
  for (const std::int64_t size : rows_shape) shape.push_back(size);
  for (int i = axis + 1; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  return reshape(take_rows_at(x, rows.reshape({rows.size()}), axis), shape);
}

template <class T>
Array gather_positions_of(const char* name, const Array& indices, const Shape& shape, int axis) {
  const Array source = indices.to(Device{}).contiguous();  // looked at on the host
  const Array positions = empty(indices.shape(), Dtype::kInt64);
  const Shape view = around(indices.shape(), axis);
  const std::int64_t size = shape[axis], inner = view[2], block = view[1] * inner;
  const T* from = source.data<T>();
  auto* to = positions.data<std::int64_t>();
  for (std::int64_t start = 0, base = 0; start < positions.size(); start += block, base += size * inner) {
    for (std::int64_t i = start; i < start + block; ++i) {
      const std::int64_t at = from[i];
      if (at < 0 || at >= size) {
        throw IndexError(name, ": index ", at, " at place ", i, " is out of range, expected 0 to ", size - 1, ".");
      }
      to[i] = base + at * inner + (inner == 1 ? 0 : i % inner);
    }
  }
  return positions;
}

/// The row-major positions in `shape` that gather along `axis` reads.
Array gather_positions(const char* name, const Array& indices, const Shape& shape, int axis) {
  bool fits = indices.ndim() == shape.ndim();
  for (int i = 0; fits && i < shape.ndim(); ++i) fits = i == axis || indices.shape()[i] == shape[i];
  if (!fits) {
    throw ShapeError(name, ": the indices are ", indices.shape(), ", expected the shape ", shape, " but for axis ",
                     axis, ".");
  }
  if (indices.dtype() == Dtype::kInt32) return gather_positions_of<std::int32_t>(name, indices, shape, axis);
  if (indices.dtype() == Dtype::kInt64) return gather_positions_of<std::int64_t>(name, indices, shape, axis);
  throw DtypeError(name, ": the indices are ", indices.dtype(), ", expected int32 or int64.");
}

/// The axis of the one array of whole numbers beside which the index takes whole axes; none if it is another kind.
std::optional<int> axis_of_rows(const Shape& shape, const Index& index) {
  std::optional<int> found;
  int axis = 0;
  for (const IndexItem& item : index) {
    const auto* slice = std::get_if<Slice>(&item);
    const auto* array = std::get_if<Array>(&item);
    if (array && !found && (array->dtype() == Dtype::kInt32 || array->dtype() == Dtype::kInt64)) {
      found = axis;
    } else if (!slice || slice->start || slice->stop || slice->step != 1) {
      return std::nullopt;
    }
    ++axis;
  }
  return axis <= shape.ndim() ? found : std::nullopt;
}

struct Where final : Function {
  KeptArray condition;
  explicit Where(const Array& c) : condition(c) {}
  const char* name() const override { return "where"; }

  Array forward(const Array& a, const Array& b) override { return kernels::where(condition.array, a, b); }
  Variables backward(const Variable& gy) override {
    const Variable zero(zeros({}, gy.dtype(), gy.device()));
    const Array& holds = kept(condition, "condition");
    return {needs_input_grad(0) ? where(holds, gy, zero) : Variable(),
            needs_input_grad(1) ? where(holds, zero, gy) : Variable()};
  }
  void release_saved() override { condition.array = {}; }
};

}  // namespace

Variable get_item(const Variable& x, const Index& index) {
  if (const std::optional<int> axis = axis_of_rows(x.shape(), index)) {
    const Array& rows = std::get<Array>(index[static_cast<std::size_t>(*axis)]);
    return take_checked(x, checked("get_item", rows, x.shape()[*axis], /*from_end=*/true), rows.shape(), *axis);
  }
  if (!is_basic(index)) return take_positions("get_item", x, indexed_positions(x.shape(), index));
  Variable y = x;
  int axis = 0, used = 0;
  for (const IndexItem& item : index)
    used += !std::holds_alternative<NewAxis>(item) && !std::holds_alternative<Ellipsis>(item);
  if (used > x.ndim()) throw IndexError("get_item: ", used, " axes are indexed, x is ", x.shape(), ".");
  for (const IndexItem& item : index) {
    if (const auto* positions = std::get_if<Slice>(&item)) {
      y = slice(y, axis++, *positions);
    } else if (std::holds_alternative<NewAxis>(item)) {
      y = expand_dims(y, axis++);
    } else if (std::holds_alternative<Ellipsis>(item)) {
      axis += x.ndim() - used;
    } else {
      y = select(y, axis, std::get<std::int64_t>(item));
    }
  }
  return y;
}

Variable scatter_add(const Variable& a, const Index& index, const Variable& b) {
  const Array positions = indexed_positions(a.shape(), index);
  return a + add_at_positions("scatter_add", broadcast_to(b, positions.shape()), positions, a.shape());
}

Variable take(const Variable& x, const Array& indices, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "take");
  return take_checked(x, checked("take", indices, x.shape()[at], /*from_end=*/true), indices.shape(), at);
}

Variable gather(const Variable& x, const Array& indices, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "gather");
  return take_positions("gather", x, gather_positions("gather", indices, x.shape(), at));
}

Variable scatter(const Variable& x, const Array& indices, int axis, std::int64_t size) {
  const int at = normalize_axis(axis, x.ndim(), "scatter");
  if (indices.shape() != x.shape()) {
    throw ShapeError("scatter: x is ", x.shape(), ", the indices are ", indices.shape(), "; expected equal shapes.");
  }
  Shape shape = x.shape();
  shape[at] = size;
  return add_at_positions("scatter", x, gather_positions("scatter", indices, shape, at), shape);
}

Variable select_item(const Variable& x, const Array& t) {
  if (x.ndim() != 2 || t.ndim() != 1 || t.shape()[0] != x.shape()[0]) {
    throw ShapeError("select_item: expected x (batch, classes) and t (batch), found ", x.shape(), " and ", t.shape(),
                     ".");
  }
  return take_positions("select_item", x,
                        gather_positions("select_item", t.reshape({t.size(), 1}), x.shape(), 1).reshape(t.shape()));
}

Variable permutate(const Variable& x, const Array& indices, int axis, bool inverse) {
  const int at = normalize_axis(axis, x.ndim(), "permutate");
  const std::int64_t size = x.shape()[at];
  if (indices.shape() != Shape{size}) {
    throw ShapeError("permutate: the indices are ", indices.shape(), ", expected (", size, ",) for axis ", at, " of ",
                     x.shape(), ".");
  }
  const Array order = checked("permutate", indices, size, /*from_end=*/true);
  Array undone = full({size}, -1, Dtype::kInt64);
  for (std::int64_t i = 0; i < size; ++i) {
    std::int64_t& place = undone.data<std::int64_t>()[order.data<std::int64_t>()[i]];
    if (place >= 0)
      throw ValueError("permutate: index ", order.data<std::int64_t>()[i], " comes twice; expected each once.");
    place = i;
  }
  return take_checked(x, inverse ? undone : order, Shape{size}, at);
}

Variable where(const Array& condition, const Variable& a, const Variable& b) {
  if (condition.dtype() != Dtype::kBool)
    throw DtypeError("where: the condition is ", condition.dtype(), ", expected bool.");
  const Shape shape = broadcast_shapes(condition.shape(), broadcast_shapes(a.shape(), b.shape(), "where"), "where");
  return promoted(broadcast_to(a, shape), broadcast_to(b, shape), [&](const Variable& x, const Variable& y) {
    return apply(make_function<Where>(condition.to(x.device()).broadcast_to(shape)), x, y);
  });
}

Array one_hot(const Array& t, std::int64_t classes, Dtype dtype) {
  const Array places = checked("one_hot", t, classes, /*from_end=*/false);
  Shape shape = t.shape();
  shape.push_back(classes);
  const Array y = zeros(shape, Dtype::kFloat32);
  for (std::int64_t i = 0; i < places.size(); ++i) y.data<float>()[i * classes + places.data<std::int64_t>()[i]] = 1;
  return y.to(dtype);
}

Variable embed_id(const Array& x, const Variable& W, const EmbedIdOptions& options) {
  if (W.ndim() != 2) throw ShapeError("embed_id: expected W (classes, out), found ", W.shape(), ".");
  const Array rows = checked("embed_id", x, W.shape()[0], /*from_end=*/false, options.ignore_label);
  return take_checked(W, rows, x.shape(), 0);
}

}  // namespace rensa::functions
