#include <algorithm>

#include "core/array/array.h"
#include "core/error.h"

namespace rensa {
namespace {

/// The same elements, seen with another shape and strides, from `offset` elements on.
Array view(const Array& x, const Shape& shape, const Strides& strides, std::int64_t offset = 0) {
  const auto start = static_cast<std::byte*>(x.raw_data()) - x.buffer()->data();
  return Array(x.buffer(), static_cast<std::size_t>(start + offset * static_cast<std::int64_t>(item_size(x.dtype()))),
               shape, strides, x.dtype());
}

Shape resolve(const Array& x, Shape shape) {
  const Shape asked = shape;
  int unknown = -1;
  for (int axis = 0; axis < shape.ndim(); ++axis) {
    if (shape[axis] != -1) continue;
    if (unknown >= 0) throw ShapeError("reshape: only one size may be -1, found ", asked, ".");
    unknown = axis;
    shape[axis] = 1;
  }
  check_sizes(shape, item_size(x.dtype()), "reshape");
  if (unknown >= 0) {
    const std::int64_t known = total_size(shape);
    if (known == 0) throw ShapeError("reshape: beside a size of 0 the -1 of ", asked, " may be any. Say which.");
    shape[unknown] = x.size() / known;
  }
  if (total_size(shape) != x.size()) {
    throw ShapeError("reshape: ", x.shape(), " has ", x.size(), " elements and does not fit ", asked, ".");
  }
  return shape;
}

/// Strides that show x's elements in row-major order with `shape`, or nothing if only a copy can.
bool viewable(const Array& x, const Shape& shape, Strides& strides) {
  // Groups of old axes and of new axes with equal products correspond; inside a group the old axes must be joinable.
  strides = shape;
  int old_axis = 0, new_axis = 0;
  while (new_axis < shape.ndim()) {
    if (shape[new_axis] == 1) {
      strides[new_axis++] = 1;
      continue;
    }
    while (old_axis < x.ndim() && x.shape()[old_axis] == 1) ++old_axis;
    std::int64_t old_count = x.shape()[old_axis], new_count = shape[new_axis];
    int old_end = old_axis + 1, new_end = new_axis + 1;
    while (old_count != new_count) {
      if (old_count < new_count) {
        old_count *= x.shape()[old_end++];
      } else {
        new_count *= shape[new_end++];
      }
    }
    int outer = old_axis;
    for (int axis = old_axis + 1; axis < old_end; ++axis) {
      if (x.shape()[axis] == 1) continue;
      if (x.strides()[outer] != x.strides()[axis] * x.shape()[axis]) return false;
      outer = axis;
    }
    std::int64_t step = x.strides()[outer];
    for (int axis = new_end - 1; axis >= new_axis; --axis) {
      strides[axis] = step;
      step *= shape[axis];
    }
    old_axis = old_end;
    new_axis = new_end;
  }
  return true;
}

}  // namespace

Array Array::transpose() const {
  Dims axes = shape_;
  for (int i = 0; i < ndim(); ++i) axes[i] = ndim() - 1 - i;
  return transpose(axes);
}

Array Array::transpose(const Dims& axes) const {
  if (axes.ndim() != ndim()) throw ShapeError("transpose: axes ", axes, " do not fit an array of shape ", shape_, ".");
  Shape shape = shape_;
  Strides strides = strides_;
  unsigned seen = 0;
  for (int i = 0; i < ndim(); ++i) {
    const int axis = normalize_axis(axes[i], ndim(), "transpose");
    if (seen & (1u << axis)) throw ShapeError("transpose: axes ", axes, " name an axis twice.");
    seen |= 1u << axis;
    shape[i] = shape_[axis];
    strides[i] = strides_[axis];
  }
  return view(*this, shape, strides);
}

Array Array::slice(int axis, const Slice& slice) const {
  axis = normalize_axis(axis, ndim(), "slice");
  const std::int64_t n = shape_[axis], step = slice.step;
  if (step == 0) throw ValueError("slice: the step must not be 0.");
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto position = [&](const std::optional<std::int64_t>& given, std::int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + n : *given, low, high);
  };
  const std::int64_t start = position(slice.start, step > 0 ? 0 : n - 1),
                     stop = position(slice.stop, step > 0 ? n : -1);
  Shape shape = shape_;
  Strides strides = strides_;
  const std::int64_t span = step > 0 ? stop - start : start - stop;
  const std::uint64_t stride = step > 0 ? static_cast<std::uint64_t>(step) : -static_cast<std::uint64_t>(step);
  shape[axis] = span <= 0 ? 0 : 1 + static_cast<std::int64_t>(static_cast<std::uint64_t>(span - 1) / stride);
  if (shape[axis] > 1) strides[axis] *= step;  // a step that is not taken may be longer than any memory
  return view(*this, shape, strides, shape[axis] ? start * strides_[axis] : 0);
}

Array Array::select(int axis, std::int64_t index) const {
  axis = normalize_axis(axis, ndim(), "select");
  const std::int64_t at = index < 0 ? index + shape_[axis] : index;
  if (at < 0 || at >= shape_[axis]) {
    throw IndexError("select: index ", index, " is outside axis ", axis, " of shape ", shape_, ".");
  }
  Shape shape = shape_;
  Strides strides = strides_;
  shape.erase(axis);
  strides.erase(axis);
  return view(*this, shape, strides, at * strides_[axis]);
}

Array Array::expand_dims(int axis) const {
  axis = normalize_axis(axis, ndim() + 1, "expand_dims");
  Shape shape = shape_;
  Strides strides = strides_;
  shape.insert(axis, 1);
  strides.insert(axis, 1);
  return view(*this, shape, strides);
}

Array Array::squeeze(int axis) const {
  axis = normalize_axis(axis, ndim(), "squeeze");
  if (shape_[axis] != 1) throw ShapeError("squeeze: axis ", axis, " of shape ", shape_, " has more than one element.");
  Shape shape = shape_;
  Strides strides = strides_;
  shape.erase(axis);
  strides.erase(axis);
  return view(*this, shape, strides);
}

Array Array::broadcast_to(const Shape& shape) const {
  if (shape == shape_) return *this;
  if (broadcast_shapes(shape_, shape, "broadcast_to") != shape) {
    throw ShapeError("broadcast_to: ", shape_, " does not broadcast to ", shape, ".");
  }
  check_sizes(shape, item_size(dtype_), "broadcast_to");
  Strides strides = Strides::filled(shape.ndim(), 0);
  const int added = shape.ndim() - ndim();
  for (int axis = 0; axis < ndim(); ++axis) strides[added + axis] = shape_[axis] == 1 ? 0 : strides_[axis];
  return view(*this, shape, strides);
}

Array Array::reshape(const Shape& wanted) const {
  if (wanted == shape_) return *this;
  const Shape shape = resolve(*this, wanted);
  if (is_contiguous() || size() == 0) return view(*this, shape, contiguous_strides(shape));
  Strides strides;
  if (viewable(*this, shape, strides)) return view(*this, shape, strides);
  return view(copy(), shape, contiguous_strides(shape));
}

}  // namespace rensa
