#include "core/functions/positions.h"

#include "core/autograd/function.h"
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
  AddAtPositions(const char* operation, const Array& at, const Shape& to) : label(operation), positions(at), shape(to) {}
  const char* name() const override { return label; }

  Array forward(const Array& x) override { return kernels::scatter_add(x.contiguous(), positions, shape); }
  Variables backward(const Variable& gy) override { return {take_positions(label, gy, positions)}; }
  void release_saved() override { positions = {}; }
};

}  // namespace

Variable take_positions(const char* name, const Variable& x, const Array& positions) {
  return apply(make_function<TakePositions>(name, positions.contiguous()), x);
}
Variable add_at_positions(const char* name, const Variable& x, const Array& positions, const Shape& shape) {
  return apply(make_function<AddAtPositions>(name, positions.contiguous(), shape), x);
}

Array numbered(const Shape& shape) { return arange(total_size(shape)).reshape(shape); }

}  // namespace rensa::functions
