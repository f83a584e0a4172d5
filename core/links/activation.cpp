#include "core/links/activation.h"

#include "core/functions/channel_activation.h"
#include "core/functions/noise.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa {
namespace {

/// A parameter of no axes stands for the same number in every place of x from axis 1 on.
Variable everywhere(const Parameter& parameter, const Variable& x) {
  if (parameter.ndim() > 0) return parameter;
  Shape shape = x.shape();
  shape.erase(0);
  return functions::broadcast_to(parameter, shape);
}

}  // namespace

PRelu::PRelu(const Shape& shape, double start, Dtype dtype)
    : W(shape, init::constant(start), dtype), shape_(shape), start_(start), dtype_(dtype) {
  add("W", W);
}
Variable PRelu::forward(const Variable& x) { return functions::prelu(x, everywhere(W, x)); }

Swish::Swish(const Shape& shape, double start, Dtype dtype)
    : beta(shape, init::constant(start), dtype), shape_(shape), start_(start), dtype_(dtype) {
  add("beta", beta);
}
Variable Swish::forward(const Variable& x) { return functions::swish(x, everywhere(beta, x)); }

Maxout::Maxout(const MaxoutOptions& o)
    : linear({.in = o.in,
              .out = o.out * o.pool_size,
              .initial_W = o.initial_W,
              .dtype = o.dtype,
              .initial_b = o.initial_b}),
      options_(o) {
  add("linear", linear);
}
Variable Maxout::forward(const Variable& x) { return functions::maxout(linear(x), options_.pool_size); }

SimplifiedDropconnect::SimplifiedDropconnect(const SimplifiedDropconnectOptions& o)
    : W(o.initial_W, o.dtype), b({o.out}, init::zeros(), o.dtype), options_(o) {
  if (o.in != kLazySize) W.initialize({o.out, o.in});
  add("W", W);
  if (o.bias) add("b", b);
}
Variable SimplifiedDropconnect::forward(const Variable& x) {
  const std::int64_t features = x.shape()[0] == 0 ? 1 : x.size() / x.shape()[0];
  if (!W.is_initialized()) W.initialize({options_.out, features});
  const Variable rows = x.ndim() == 2 ? x : functions::reshape(x, {x.shape()[0], features});
  return functions::simplified_dropconnect(rows, W, options_.bias ? &b : nullptr, options_.ratio);
}

}  // namespace rensa
