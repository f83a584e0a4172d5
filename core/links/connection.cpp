#include "core/links/connection.h"

#include "core/functions/activation.h"
#include "core/functions/combinations.h"
#include "core/functions/convolution_nd.h"
#include "core/functions/indexing.h"

namespace rensa {

ParameterLink::ParameterLink(const Shape& shape, Initializer initializer, Dtype dtype)
    : W(shape, initializer, dtype), shape_(shape), initializer_(std::move(initializer)), dtype_(dtype) {
  add("W", W);
}

Bias::Bias(const Shape& shape, int axis, Dtype dtype)
    : b(shape, init::zeros(), dtype), shape_(shape), axis_(axis), dtype_(dtype) {
  add("b", b);
}
Variable Bias::forward(const Variable& x) { return functions::bias(x, b, axis_); }

Scale::Scale(const ScaleOptions& o) : W(o.shape, init::ones(), o.dtype), options_(o) {
  add("W", W);
  if (!o.bias_term) return;
  bias_ = std::make_unique<Bias>(o.shape, o.axis, o.dtype);
  add("bias", *bias_);
}
Variable Scale::forward(const Variable& x) {
  const Variable y = functions::scale(x, W, options_.axis);
  return bias_ ? (*bias_)(y) : y;
}

Bilinear::Bilinear(const BilinearOptions& o)
    : W({o.left, o.right, o.out}, o.initial_W, o.dtype),
      V1({o.left, o.out}, o.initial_V1, o.dtype),
      V2({o.right, o.out}, o.initial_V2, o.dtype),
      b({o.out}, o.initial_b, o.dtype),
      options_(o) {
  add("W", W);
  if (!o.linear_terms) return;
  add("V1", V1);
  add("V2", V2);
  add("b", b);
}
Variable Bilinear::operator()(const Variable& e1, const Variable& e2) {
  return with_hooks(e1, [&] {
    return options_.linear_terms ? functions::bilinear(e1, e2, W, V1, V2, b) : functions::bilinear(e1, e2, W);
  });
}

EmbedId::EmbedId(const EmbedIdLinkOptions& o) : W({o.in, o.out}, o.initial_W, o.dtype), options_(o) { add("W", W); }
Variable EmbedId::forward(const Variable& x) {
  return functions::embed_id(x.array(), W, {.ignore_label = options_.ignore_label});
}

Highway::Highway(const HighwayOptions& o)
    : plain({.in = o.size, .out = o.size, .initial_W = o.initial_Wh, .dtype = o.dtype, .initial_b = o.initial_bh}),
      transform({.in = o.size,
                 .out = o.size,
                 .initial_W = o.initial_Wt,
                 .dtype = o.dtype,
                 .initial_b = init::constant(o.initial_bt)}),
      options_(o) {
  add("plain", plain);
  add("transform", transform);
}
Variable Highway::forward(const Variable& x) {
  return functions::linear_interpolate(functions::sigmoid(transform(x)), functions::relu(plain(x)), x);
}

}  // namespace rensa
