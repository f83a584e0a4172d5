#pragma once

#include "core/error.h"
#include "core/functions/shape.h"

namespace rensa::functions {

// Sequences of different lengths, longest first: the rows of a state that still run are its first ones.

/// The first `rows` rows of x. Throws ShapeError if there are not so many.
inline Variable first_rows(const Variable& x, std::int64_t rows) {
  if (x.shape()[0] < rows) {
    throw ShapeError("a batch of ", rows, " sequences behind a state of ", x.shape()[0],
                     ": batches may shrink. Call reset_state() before other sequences begin.");
  }
  return x.shape()[0] == rows ? x : slice(x, 0, {.start = 0, .stop = rows});
}

/// `changed` in place of the first rows of `whole`.
inline Variable with_first_rows(const Variable& whole, const Variable& changed) {
  const std::int64_t rows = changed.shape()[0];
  return rows == whole.shape()[0] ? changed : concat({changed, slice(whole, 0, {.start = rows})}, 0);
}

}  // namespace rensa::functions
