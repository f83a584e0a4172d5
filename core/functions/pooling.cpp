#include "core/functions/pooling.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/reduction.h"
#include "core/kernels/pooling.h"

namespace rensa::functions {
namespace {

using kernels::PoolingGeometry;

// Scattering to the places of the largest values and gathering from them are each other's gradients.

Variable gather(const Variable& x, const Array& places, const PoolingGeometry& geometry);

struct Scatter final : Function {
  Array places;
  PoolingGeometry geometry;
  Shape x_shape;
  Scatter(const Array& at, const PoolingGeometry& g, const Shape& x) : places(at), geometry(g), x_shape(x) {}
  const char* name() const override { return "max_pooling_2d_scatter"; }

  Array forward(const Array& gy) override { return kernels::max_pooling_scatter(gy, places, geometry, x_shape); }
  Variables backward(const Variable& g) override { return {gather(g, places, geometry)}; }
  void release_saved() override { places = {}; }
};

struct Gather final : Function {
  Array places;
  PoolingGeometry geometry;
  Shape x_shape;
  Gather(const Array& at, const PoolingGeometry& g) : places(at), geometry(g) {}
  const char* name() const override { return "max_pooling_2d_gather"; }

  Array forward(const Array& x) override {
    x_shape = x.shape();
    return kernels::max_pooling_gather(x, places);
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<Scatter>(places, geometry, x_shape), gy)};
  }
  void release_saved() override { places = {}; }
};

Variable gather(const Variable& x, const Array& places, const PoolingGeometry& geometry) {
  return apply(make_function<Gather>(places, geometry), x);
}

struct MaxPooling final : Function {
  PoolingGeometry geometry;
  Shape x_shape, y_shape;
  Array places;
  MaxPooling(const PoolingGeometry& g, const Shape& y) : geometry(g), y_shape(y) {}
  const char* name() const override { return "max_pooling_2d"; }

  Array forward(const Array& x) override {
    x_shape = x.shape();
    kernels::MaxPooled pooled = kernels::max_pooling(x, geometry, y_shape);
    places = pooled.places;
    return pooled.y;
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<Scatter>(places, geometry, x_shape), gy)};
  }
  void release_saved() override { places = {}; }
};

struct AveragePooling;

struct AveragePoolingGrad final : Function {
  PoolingGeometry geometry;
  Shape x_shape, y_shape;
  AveragePoolingGrad(const PoolingGeometry& g, const Shape& x) : geometry(g), x_shape(x) {}
  const char* name() const override { return "average_pooling_2d_grad"; }

  Array forward(const Array& gy) override {
    y_shape = gy.shape();
    return kernels::average_pooling_grad(gy, geometry, x_shape);
  }
  Variables backward(const Variable& ggx) override;
};

struct AveragePooling final : Function {
  PoolingGeometry geometry;
  Shape x_shape, y_shape;
  AveragePooling(const PoolingGeometry& g, const Shape& y) : geometry(g), y_shape(y) {}
  const char* name() const override { return "average_pooling_2d"; }

  Array forward(const Array& x) override {
    x_shape = x.shape();
    return kernels::average_pooling(x, geometry, y_shape);
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<AveragePoolingGrad>(geometry, x_shape), gy)};
  }
};

Variables AveragePoolingGrad::backward(const Variable& ggx) {
  return {apply(make_function<AveragePooling>(geometry, y_shape), ggx)};
}

PoolingGeometry geometry_of(const PoolingOptions& o) {
  return {.kernel = o.kernel, .stride = o.stride.value_or(o.kernel), .pad = o.pad};
}

Shape output_shape(const char* name, const Shape& x, const PoolingGeometry& g, bool cover_all) {
  if (x.ndim() != 4) throw ShapeError(name, ": expected x (N, C, H, W), found ", x, ".");
  Shape y = x;
  for (std::size_t a = 0; a < 2; ++a) {
    if (g.kernel[a] < 1 || g.stride[a] < 1 || g.pad[a] < 0) {
      throw ValueError(name, ": kernel ", g.kernel[a], ", stride ", g.stride[a], ", pad ", g.pad[a],
                       "; expected at least 1, 1 and 0.");
    }
    const int axis = static_cast<int>(a) + 2;
    const std::int64_t room = x[axis] + 2 * g.pad[a] - g.kernel[a] + (cover_all ? g.stride[a] - 1 : 0);
    const std::int64_t windows = room < 0 ? 0 : room / g.stride[a] + 1;
    const bool last_is_empty = (windows - 1) * g.stride[a] - g.pad[a] >= x[axis];
    if (windows < 1 || x[axis] == 0 || g.pad[a] >= g.kernel[a] || last_is_empty) {
      throw ShapeError(name, ": a window of ", g.kernel[a], " pixels (pad ", g.pad[a], ", stride ", g.stride[a],
                       ") does not fit the ", x[axis], " pixels of x ", x, ".");
    }
    y[axis] = windows;
  }
  return y;
}

}  // namespace

Variable max_pooling_2d(const Variable& x, const PoolingOptions& options) {
  const PoolingGeometry g = geometry_of(options);
  const Shape y = output_shape("max_pooling_2d", x.shape(), g, options.cover_all);
  return apply(make_function<MaxPooling>(g, y), x);
}

Variable average_pooling_2d(const Variable& x, const PoolingOptions& options) {
  const PoolingGeometry g = geometry_of(options);
  const Shape y = output_shape("average_pooling_2d", x.shape(), g, /*cover_all=*/false);
  return apply(make_function<AveragePooling>(g, y), x);
}

Variable global_average_pooling_2d(const Variable& x) {
  if (x.ndim() != 4) throw ShapeError("global_average_pooling_2d: expected x (N, C, H, W), found ", x.shape(), ".");
  return mean(x, {2, 3});
}

}  // namespace rensa::functions
