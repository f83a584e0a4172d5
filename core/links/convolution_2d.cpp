#include "core/links/convolution_2d.h"

#include "core/error.h"

namespace rensa {
namespace {

Shape weight_shape(const Convolution2DOptions& o) {
  const std::int64_t groups = o.window.groups;
  const bool lazy = o.in == kLazySize;
  if ((o.in < 1 && !lazy) || o.out < 1 || o.kernel[0] < 1 || o.kernel[1] < 1 || groups < 1 ||
      (!lazy && o.in % groups) || o.out % groups) {
    throw ValueError("Convolution2D: in ", o.in, ", out ", o.out, ", kernel ", o.kernel[0], " x ", o.kernel[1],
                     ", groups ", groups, "; expected numbers of at least 1, and channels that groups divides.");
  }
  return {o.out, o.in / groups, o.kernel[0], o.kernel[1]};
}

}  // namespace

Convolution2D::Convolution2D(const Convolution2DOptions& o)
    : W(o.initial_W, o.dtype), b({o.out}, o.initial_b, o.dtype), bias(o.bias), window(o.window), options_(o) {
  const Shape shape = weight_shape(o);
  if (o.in != kLazySize) W.initialize(shape);
  add("W", W);
  if (bias) add("b", b);
}

Variable Convolution2D::forward(const Variable& x) {
  if (!W.is_initialized() && x.ndim() == 4) {
    Convolution2DOptions known = options_;
    known.in = x.shape()[1];
    W.initialize(weight_shape(known));
  }
  return functions::convolution_2d(x, W, bias ? &b : nullptr, window);
}

}  // namespace rensa
