#include "core/array/shape.h"

#include <ostream>

#include "core/error.h"

namespace rensa {

void Dims::throw_too_many(std::size_t ndim) {
  throw ShapeError("an array has at most ", kMaxDims, " axes, ", ndim, " were asked for.");
}

std::int64_t total_size(const Shape& shape) {
  std::int64_t size = 1;
  for (std::int64_t n : shape) size *= n;
  return size;
}

void check_sizes(const Shape& shape, std::size_t item, const char* operation) {
  auto bytes = static_cast<std::int64_t>(item);
  for (const std::int64_t n : shape) {
    if (n < 0) throw ShapeError(operation, ": the sizes of ", shape, " must not be negative.");
    if (n > 0 && __builtin_mul_overflow(bytes, n, &bytes)) {
      throw ShapeError(operation, ": no memory holds an array of shape ", shape, " with elements of ", item, " bytes.");
    }
  }
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides = shape;
  std::int64_t step = 1;
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

Strides channels_last_strides(const Shape& shape) {
  if (shape.ndim() < 3) return contiguous_strides(shape);
  Strides strides = shape;
  strides[1] = 1;
  std::int64_t step = shape[1];
  for (int axis = shape.ndim() - 1; axis >= 2; --axis) {
    strides[axis] = step;
    step *= shape[axis];
  }
  strides[0] = step;
  return strides;
}

int normalize_axis(std::int64_t axis, int ndim, const char* operation) {
  if (axis < -ndim || axis >= ndim) {
    throw IndexError(operation, ": axis ", axis, " is outside an array of ", ndim, " axes.");
  }
  return static_cast<int>(axis < 0 ? axis + ndim : axis);
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* operation) {
  if (a == b) return a;
  Shape out = Shape::filled(std::max(a.ndim(), b.ndim()), 1);
  for (int i = 1; i <= out.ndim(); ++i) {
    const std::int64_t m = i <= a.ndim() ? a[a.ndim() - i] : 1;
    const std::int64_t n = i <= b.ndim() ? b[b.ndim() - i] : 1;
    if (m != n && m != 1 && n != 1) {
      throw ShapeError(operation, ": shapes ", a, " and ", b, " do not broadcast: axis ", -i, " has ", m, " and ", n,
                       " elements. Sizes must be equal, or one of them 1.");
    }
    out[out.ndim() - i] = m == 1 ? n : m;
  }
  return out;
}

std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  out << '(';
  for (int i = 0; i < dims.ndim(); ++i) out << (i ? ", " : "") << dims[i];
  return out << (dims.ndim() == 1 ? ",)" : ")");
}

}  // namespace rensa
