#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// What a function computes with besides its operands, in the dtype and on the device of one of them.

/// A scalar.
inline Variable constant_like(const Variable& like, double value) {
  return Variable(full({}, value, like.dtype(), like.device()));
}

/// Numbers that were made, drawn or given on the host.
inline Variable constant_like(const Variable& like, const Array& values) {
  return Variable(values.to(like.dtype()).to(like.device()));
}

}  // namespace rensa::functions
