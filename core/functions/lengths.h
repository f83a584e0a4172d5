#pragma once

#include "core/array/logic.h"
#include "core/autograd/variable.h"
#include "core/functions/indexing.h"
#include "core/functions/math.h"

namespace rensa::functions {

/// The root of `squares`, with a gradient of 0 where they are 0: the root has none there. For lengths and distances in
/// the sources of this folder.
inline Variable length_of(const Variable& squares) {
  const Array any = not_equal(squares.array(), 0);
  const Variable nothing(zeros_like(squares.array())), one(ones_like(squares.array()));
  // Two choices: the gradient of the root must not meet a 0 even where it is thrown away.
  return where(any, sqrt(where(any, squares, one)), nothing);
}

}  // namespace rensa::functions
