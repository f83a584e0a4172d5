#include "core/functions/shape.h"

#include "core/autograd/function.h"
#include "core/error.h"

namespace rensa::functions {
namespace {

struct Reshape final : Function {
  Shape shape, before;
  explicit Reshape(const Shape& to) : shape(to) {}
  const char* name() const override { return "reshape"; }

  Array forward(const Array& x) override {
    before = x.shape();
    return x.reshape(shape);
  }
  Variables backward(const Variable& gy) override { return {reshape(gy, before)}; }
};

struct Transpose final : Function {
  Dims axes;
  explicit Transpose(const Dims& order) : axes(order) {}
  const char* name() const override { return "transpose"; }

  Array forward(const Array& x) override { return x.transpose(axes); }
  Variables backward(const Variable& gy) override {
    Dims inverse = Dims::filled(axes.ndim(), 0);
    for (int i = 0; i < axes.ndim(); ++i) inverse[static_cast<int>(axes[i])] = i;
    return {transpose(gy, inverse)};
  }
};

/// The adjoint of slicing: zeros of the whole shape, with x at the sliced positions.
struct PlaceSlice final : Function {
  Shape whole;
  int axis;
  Slice positions;
  PlaceSlice(const Shape& shape, int along, const Slice& at) : whole(shape), axis(along), positions(at) {}
  const char* name() const override { return "place_slice"; }

  Array forward(const Array& x) override {
    Array y = zeros(whole, x.dtype(), x.device());
    y.slice(axis, positions).copy_from(x);
    return y;
  }
  Variables backward(const Variable& gy) override { return {slice(gy, axis, positions)}; }
};

struct TakeSlice final : Function {
  int axis;
  Slice positions;
  Shape whole;
  TakeSlice(int along, const Slice& at) : axis(along), positions(at) {}
  const char* name() const override { return "slice"; }

  Array forward(const Array& x) override {
    whole = x.shape();
    return x.slice(axis, positions);
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<PlaceSlice>(whole, axis, positions), gy)};
  }
};

struct Concat final : Function {
  int axis;
  boost::container::small_vector<std::int64_t, 4> sizes;
  explicit Concat(int along) : axis(along) {}
  const char* name() const override { return "concat"; }

  Arrays forward(const Arrays& xs) override {
    Shape shape = xs[0].shape();
    shape[axis] = 0;
    for (const Array& x : xs) {
      check_fits(xs[0], x);
      sizes.push_back(x.shape()[axis]);
      shape[axis] += x.shape()[axis];
    }
    Array y = empty_like(xs[0], shape);
    std::int64_t start = 0;
    for (const Array& x : xs) {
      y.slice(axis, {.start = start, .stop = start + x.shape()[axis]}).copy_from(x);
      start += x.shape()[axis];
    }
    return {y};
  }
  Variables backward(const Variable& gy) override {
    Variables gxs;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < sizes.size(); start += sizes[i++]) {
      const bool wanted = needs_input_grad(static_cast<int>(i));
      gxs.push_back(wanted ? slice(gy, axis, {.start = start, .stop = start + sizes[i]}) : Variable());
    }
    return gxs;
  }

 private:
  void check_fits(const Array& first, const Array& x) const {
    bool fits = x.ndim() == first.ndim();
    for (int i = 0; fits && i < first.ndim(); ++i) fits = i == axis || x.shape()[i] == first.shape()[i];
    if (!fits) {
      throw ShapeError("concat: along axis ", axis, " every other axis must be equal, found ", first.shape(), " and ",
                       x.shape(), ".");
    }
  }
};

struct Cast final : Function {
  Dtype dtype, before = Dtype::kFloat32;
  explicit Cast(Dtype to) : dtype(to) {}
  const char* name() const override { return "cast"; }

  Array forward(const Array& x) override {
    before = x.dtype();
    return x.to(dtype);
  }
  Variables backward(const Variable& gy) override { return {cast(gy, before)}; }
};

}  // namespace

Variable reshape(const Variable& x, const Shape& shape) {
  return x.shape() == shape ? x : apply(make_function<Reshape>(shape), x);
}

Variable transpose(const Variable& x) {
  Dims axes = Dims::filled(x.ndim(), 0);
  for (int i = 0; i < x.ndim(); ++i) axes[i] = x.ndim() - 1 - i;
  return transpose(x, axes);
}

Variable transpose(const Variable& x, const Dims& axes) {
  Dims order;
  for (const std::int64_t axis : axes) order.push_back(normalize_axis(axis, x.ndim(), "transpose"));
  return apply(make_function<Transpose>(order), x);
}

Variable expand_dims(const Variable& x, int axis) {
  Shape shape = x.shape();
  shape.insert(normalize_axis(axis, x.ndim() + 1, "expand_dims"), 1);
  return reshape(x, shape);
}

Variable squeeze(const Variable& x, int axis) {
  Shape shape = x.shape();
  const int at = normalize_axis(axis, x.ndim(), "squeeze");
  if (shape[at] != 1) throw ShapeError("squeeze: axis ", at, " of ", shape, " has size ", shape[at], ", expected 1.");
  shape.erase(at);
  return reshape(x, shape);
}

Variable squeeze(const Variable& x) {
  Shape shape;
  for (const std::int64_t size : x.shape()) {
    if (size != 1) shape.push_back(size);
  }
  return reshape(x, shape);
}

Variable slice(const Variable& x, int axis, const Slice& slice) {
  return apply(make_function<TakeSlice>(normalize_axis(axis, x.ndim(), "slice"), slice), x);
}

Variable select(const Variable& x, int axis, std::int64_t index) {
  const int at = normalize_axis(axis, x.ndim(), "select");
  const std::int64_t size = x.shape()[at];
  const std::int64_t position = index < 0 ? index + size : index;
  if (position < 0 || position >= size) {
    throw IndexError("select: index ", index, " is outside axis ", at, " of ", x.shape(), ", expected ", -size, " to ",
                     size - 1, ".");
  }
  return squeeze(slice(x, at, {.start = position, .stop = position + 1}), at);
}

Variable concat(const Variables& xs, int axis) {
  if (xs.empty()) throw ValueError("concat: expected at least one array, found none.");
  if (xs.size() == 1) return xs[0];
  Dtype dtype = xs[0].dtype();
  for (const Variable& x : xs) dtype = promote(dtype, x.dtype());
  Variables alike;
  for (const Variable& x : xs) alike.push_back(x.dtype() == dtype ? x : cast(x, dtype));
  return apply_all(make_function<Concat>(normalize_axis(axis, xs[0].ndim(), "concat")), alike)[0];
}

Variables split_axis(const Variable& x, int sections, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "split_axis");
  const std::int64_t size = x.shape()[at];
  if (sections < 1 || size % sections != 0) {
    throw ShapeError("split_axis: axis ", at, " of ", x.shape(), " cannot be cut into ", sections, " equal parts.");
  }
  Variables parts;
  for (std::int64_t i = 0, part = size / sections; i < sections; ++i) {
    parts.push_back(slice(x, at, {.start = i * part, .stop = (i + 1) * part}));
  }
  return parts;
}

Variable cast(const Variable& x, Dtype dtype) { return x.dtype() == dtype ? x : apply(make_function<Cast>(dtype), x); }

}  // namespace rensa::functions
