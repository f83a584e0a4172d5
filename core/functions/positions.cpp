#include "core/functions/positions.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/shape.h"
#include "core/kernels/indexing.h"

namespace rensa::functions {
namespace {

struct TakePositions final : Function {
  const char* label;
  Array positions;
  Shape x_shape;
  TakePositions(const char* operation, const Array& at) : label(operation), positions(at) {}
  const char* name() const override { return label; }

  Array forward(const Array& x) override {
    x_shape = x.shape();
    return kernels::gather(x.contiguous(), positions);
  }
  Variables backward(const Variable& gy) override { return {add_at_positions(label, gy, positions, x_shape)}; }
  void release_saved() override { positions = {}; }
};

struct AddAtPositions final : Function {
  const char* label;
  Array positions;
  Shape shape;
  AddAtPositions(const char* operation, const Array& at, const Shape& to)
      : label(operation), positions(at), shape(to) {}
  const char* name() const override { return label; }

  Array forward(const Array& x) override { return kernels::scatter_add(x.contiguous(), positions, shape); }
  Variables backward(const Variable& gy) override { return {take_positions(label, gy, positions)}; }
  void release_saved() override { positions = {}; }
};

// x is (outer, n, inner) and gy (outer, m, inner) here: each other's gradient.

Variable add_rows(const Variable& gy, const Array& rows, std::int64_t n);

struct TakeRows final : Function {
  Array rows;
  std::int64_t n = 0;
  explicit TakeRows(const Array& at) : rows(at) {}
  const char* name() const override { return "take"; }

  Array forward(const Array& x) override {
    n = x.shape()[1];
    return kernels::take_rows(x.contiguous(), rows);
  }
  Variables backward(const Variable& gy) override { return {add_rows(gy, rows, n)}; }
  void release_saved() override { rows = {}; }
};

struct AddRows final : Function {
  Array rows;
  std::int64_t n;
  AddRows(const Array& at, std::int64_t count) : rows(at), n(count) {}
  const char* name() const override { return "take_grad"; }

  Array forward(const Array& gy) override { return kernels::add_rows(gy.contiguous(), rows, n); }
  Variables backward(const Variable& ggx) override { return {apply(make_function<TakeRows>(rows), ggx)}; }
  void release_saved() override { rows = {}; }
};

Variable add_rows(const Variable& gy, const Array& rows, std::int64_t n) {
  return apply(make_function<AddRows>(rows, n), gy);
}

Shape with_size(const Shape& x, int axis, std::int64_t size) {
  Shape shape = x;
  shape[axis] = size;
  return shape;
}

}  // namespace

Shape around(const Shape& x, int axis) {
  Shape shape = {1, x[axis], 1};
  for (int i = 0; i < axis; ++i) shape[0] *= x[i];
  for (int i = axis + 1; i < x.ndim(); ++i) shape[2] *= x[i];
  return shape;
}

Variable take_positions(const char* name, const Variable& x, const Array& positions) {
  return apply(make_function<TakePositions>(name, positions.to(x.device()).contiguous()), x);
}
Variable add_at_positions(const char* name, const Variable& x, const Array& positions, const Shape& shape) {
  return apply(make_function<AddAtPositions>(name, positions.to(x.device()).contiguous(), shape), x);
}

Variable take_rows_at(const Variable& x, const Array& rows, int axis) {
  const Variable taken = apply(make_function<TakeRows>(rows.to(x.device())), reshape(x, around(x.shape(), axis)));
  return reshape(taken, with_size(x.shape(), axis, rows.size()));
}
Variable add_rows_at(const Variable& x, const Array& rows, int axis, std::int64_t size) {
  return reshape(add_rows(reshape(x, around(x.shape(), axis)), rows.to(x.device()), size),
                 with_size(x.shape(), axis, size));
}

void check_on_host(const char* name, const Array& x) {
  if (x.device().kind == DeviceKind::kCpu) return;
  throw DeviceError(name, ": x is on ", x.device(), "; its elements are looked at on the host. Move it with ",
                    "to(Device{}), and the result back.");
}

Array numbered(const Shape& shape) { return arange(total_size(shape)).reshape(shape); }

}  // namespace rensa::functions
