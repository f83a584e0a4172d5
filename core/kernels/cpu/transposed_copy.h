#pragma once

#include "core/array/array.h"

namespace rensa::cpu {

/// Copies `source` to `target`, of one shape and dtype, if the axis along which the target's elements lie side by side
/// is another than the source's, as in a transpose, and both have a few elements. Returns whether it did.
bool copy_transposed(const Array& target, const Array& source);

}  // namespace rensa::cpu
