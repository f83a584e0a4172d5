#pragma once

#include <cstdint>
#include <vector>

#include "core/autograd/variable.h"

namespace rensa::functions {

/// How many elements one axis gets at its beginning and end.
struct Padding {
  std::int64_t before = 0, after = 0;
};

/// What pad() fills in.
enum class PadMode {
  kConstant,   ///< a number
  kEdge,       ///< the edge's element again
  kReflect,    ///< mirrored at the edge's element, which is not repeated
  kSymmetric,  ///< mirrored behind the edge's element, which is repeated
};

/// x with more elements around it, as NumPy's pad: one Padding for each axis, or one for all. Throws ValueError for a
/// negative width or for an empty axis that has nothing to repeat.
Variable pad(const Variable& x, const std::vector<Padding>& widths, PadMode mode = PadMode::kConstant,
             double constant = 0);

}  // namespace rensa::functions
