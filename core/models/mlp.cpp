#include "core/models/mlp.h"

#include "core/functions/activation.h"

namespace rensa::models {

Mlp::Mlp(const MlpOptions& o)
    : options_(o),
      l1_({.in = o.in, .out = o.units, .dtype = o.dtype}),
      l2_({.in = o.units, .out = o.units, .dtype = o.dtype}),
      l3_({.in = o.units, .out = o.out, .dtype = o.dtype}) {
  add("l1", l1_);
  add("l2", l2_);
  add("l3", l3_);
}

Variable Mlp::forward(const Variable& x) { return l3_(functions::relu(l2_(functions::relu(l1_(x))))); }

}  // namespace rensa::models
