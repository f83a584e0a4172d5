#pragma once

#include "core/array/array.h"

namespace rensa {

/// What a file holds of an array: the elements on the host in row-major order, bfloat16 as float32 if the format has no
/// bfloat16.
inline Array storable(const Array& array, bool has_bfloat16) {
  const Array here = array.to(Device{});
  const bool is_widened = here.dtype() == Dtype::kBFloat16 && !has_bfloat16;
  return (is_widened ? here.to(Dtype::kFloat32) : here).contiguous();
}

}  // namespace rensa
