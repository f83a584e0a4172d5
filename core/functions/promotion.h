#pragma once

#include "core/autograd/variable.h"
#include "core/functions/shape.h"

namespace rensa::functions {

/// f(a, b) of operands in the dtype that both promote to (promote() in core/array/dtype.h); for the sources of this
/// folder. A converted operand gets its gradient in its own dtype.
template <class F>
Variable promoted(const Variable& a, const Variable& b, const F& f) {
  if (a.dtype() == b.dtype()) [[likely]]
    return f(a, b);
  const Dtype dtype = promote(a.dtype(), b.dtype());
  return f(cast(a, dtype), cast(b, dtype));
}

}  // namespace rensa::functions
