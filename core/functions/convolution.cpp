#include "core/functions/convolution.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/convolution_nd.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

using kernels::ConvolutionGeometry;

// The convolution and its two gradients are bilinear, and each one's gradients are the other two.

Variable backward_data(const Variable& gy, const Variable& W, const ConvolutionGeometry& g, const Shape& x_shape);
Variable backward_weights(const Variable& x, const Variable& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                          const Array& destination = {});

struct Convolution final : Function {
  ConvolutionGeometry geometry;
  Shape x_shape, W_shape;
  explicit Convolution(const ConvolutionGeometry& g) : geometry(g) {}
  const char* name() const override { return "convolution_2d"; }

  Array forward(const Array& x, const Array& W) override { return forward(x, W, Array()); }
  Array forward(const Array& x, const Array& W, const Array& b) override {
    x_shape = x.shape();
    W_shape = W.shape();
    retain_inputs(0, 1);
    return kernels::convolution(x, W, b, geometry);
  }
  Variables backward(const Variable& gradient) override {
    auto [x, W] = retained_inputs<2>();
    const Variable gy = cast(gradient, W.dtype());  // set_grad() takes any
    Variables gradients(static_cast<std::size_t>(inputs()));
    if (needs_input_grad(1)) {
      gradients[1] = give_early(1, backward_weights(x, gy, geometry, W_shape, gradient_destination(1)));
    }
    if (inputs() == 3 && needs_input_grad(2)) gradients[2] = give_early(2, sum(gy, {0, 2, 3}));
    if (needs_input_grad(0)) gradients[0] = gradient_of_x(gy, W);
    return gradients;
  }

 private:
  Variable gradient_of_x(const Variable& gy, const Variable& W) {
    const Array so_far = take_gradient_so_far(0, x_shape, W.dtype());
    if (!so_far) return backward_data(gy, W, geometry, x_shape);
    kernels::convolution_add_backward_data(gy.array(), W.array(), geometry, so_far);
    return so_far;
  }
};

struct ConvolutionBackwardData final : Function {
  ConvolutionGeometry geometry;
  Shape x_shape, W_shape;
  ConvolutionBackwardData(const ConvolutionGeometry& g, const Shape& x) : geometry(g), x_shape(x) {}
  const char* name() const override { return "convolution_2d_backward_data"; }

  Array forward(const Array& gy, const Array& W) override {
    W_shape = W.shape();
    retain_inputs(0, 1);
    return kernels::convolution_backward_data(gy, W, geometry, x_shape);
  }
  Variables backward(const Variable& ggx) override {
    auto [gy, W] = retained_inputs<2>();
    Variables gradients(2);
    if (needs_input_grad(1)) gradients[1] = give_early(1, backward_weights(ggx, gy, geometry, W_shape));
    if (needs_input_grad(0)) gradients[0] = convolution_2d(ggx, W, nullptr, geometry);
    return gradients;
  }
};

struct ConvolutionBackwardWeights final : Function {
  ConvolutionGeometry geometry;
  Shape x_shape, W_shape;
  Array destination;
  ConvolutionBackwardWeights(const ConvolutionGeometry& g, const Shape& W, Array to)
      : geometry(g), W_shape(W), destination(std::move(to)) {}
  const char* name() const override { return "convolution_2d_backward_weights"; }

  Array forward(const Array& x, const Array& gy) override {
    x_shape = x.shape();
    retain_inputs(0, 1);
    return kernels::convolution_backward_weights(x, gy, geometry, W_shape, std::exchange(destination, {}));
  }
  Variables backward(const Variable& ggW) override {
    auto [x, gy] = retained_inputs<2>();
    return {needs_input_grad(0) ? backward_data(gy, ggW, geometry, x_shape) : Variable(),
            needs_input_grad(1) ? convolution_2d(x, ggW, nullptr, geometry) : Variable()};
  }
};

Variable backward_data(const Variable& gy, const Variable& W, const ConvolutionGeometry& g, const Shape& x_shape) {
  return apply(make_function<ConvolutionBackwardData>(g, x_shape), gy, W);
}

Variable backward_weights(const Variable& x, const Variable& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                          const Array& destination) {
  return apply(make_function<ConvolutionBackwardWeights>(g, W_shape, destination), x, gy);
}

void check(const Variable& x, const Variable& W, const Variable* b, const ConvolutionGeometry& g) {
  for (std::size_t i = 0; i < 2; ++i) {
    if (g.stride[i] < 1 || g.pad[i] < 0 || g.dilate[i] < 1) {
      throw ValueError("convolution_2d: stride ", g.stride[i], ", pad ", g.pad[i], ", dilate ", g.dilate[i],
                       "; expected at least 1, 0 and 1.");
    }
  }
  if (g.groups < 1) throw ValueError("convolution_2d: groups is ", g.groups, ", expected at least 1.");
  if (x.ndim() != 4 || W.ndim() != 4) {
    throw ShapeError(
        "convolution_2d: expected x (batch, channels, height, width) and W (out, channels, kh, kw), found ", x.shape(),
        " and ", W.shape(), ".");
  }
  if (W.size() == 0 || (x.size() == 0 && x.shape()[0] != 0)) {
    throw ShapeError("convolution_2d: x is ", x.shape(), ", W is ", W.shape(), "; only the batch may have size 0.");
  }
  if (x.shape()[1] != W.shape()[1] * g.groups) {
    throw ShapeError("convolution_2d: x has ", x.shape()[1], " channels, W expects ", W.shape()[1] * g.groups,
                     " (x is ", x.shape(), ", W is ", W.shape(), ", groups ", g.groups, ").");
  }
  if (W.shape()[0] % g.groups != 0) {
    throw ShapeError("convolution_2d: W ", W.shape(), " has ", W.shape()[0], " filters, which are not divisible into ",
                     g.groups, " groups.");
  }
  for (int axis = 0; axis < 2; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t reach = (W.shape()[axis + 2] - 1) * g.dilate[a] + 1, size = x.shape()[axis + 2] + 2 * g.pad[a];
    if (reach > size) {
      throw ShapeError("convolution_2d: a window of ", reach, " pixels does not fit into ", size, " (x is ", x.shape(),
                       ", W is ", W.shape(), ", pad ", g.pad[a], ").");
    }
  }
  if (b && b->shape() != Shape{W.shape()[0]}) {
    throw ShapeError("convolution_2d: b is ", b->shape(), ", expected (", W.shape()[0], ",) for W ", W.shape(), ".");
  }
  if (x.dtype() != W.dtype() || (b && b->dtype() != W.dtype())) {
    throw DtypeError("convolution_2d: x is ", x.dtype(), ", W is ", W.dtype(), ". Convert x with cast(x, dtype).");
  }
}

}  // namespace

Variable convolution_2d(const Variable& x, const Variable& W, const Variable* b, const ConvolutionOptions& options,
                        bool cover_all) {
  check(x, W, b, options);
  if (cover_all) {
    const auto each = [](const auto& of) { return EachAxis(of.begin(), of.end()); };
    return convolution_nd(x, W, b,
                          {.stride = each(options.stride),
                           .pad = each(options.pad),
                           .dilate = each(options.dilate),
                           .groups = options.groups,
                           .cover_all = true});
  }
  const auto function = make_function<Convolution>(options);
  return b ? apply(function, x, W, *b) : apply(function, x, W);
}

Variable convolution_2d_backward_data(const Variable& gy, const Variable& W, const ConvolutionOptions& options,
                                      const Shape& x_shape) {
  return backward_data(gy, W, options, x_shape);
}

Variable fused_convolution_2d(const Variable& x, const Variable& W, const Variable* b,
                              const ConvolutionOptions& options, const Variable* residual, bool relu) {
  check(x, W, b, options);
  if (residual && residual->shape() != kernels::output_shape(x.shape(), W.shape(), options)) {
    throw ShapeError("convolution_2d: the residual is ", residual->shape(), ", expected the result's shape ",
                     kernels::output_shape(x.shape(), W.shape(), options), ".");
  }
  if (residual && residual->dtype() != x.dtype()) {
    throw DtypeError("convolution_2d: x is ", x.dtype(), ", the residual is ", residual->dtype(),
                     ". Convert one with cast(x, dtype).");
  }
  return kernels::fused_convolution(x.array(), W.array(), b ? b->array() : Array(), options,
                                    residual ? residual->array() : Array(), relu);
}

}  // namespace rensa::functions
