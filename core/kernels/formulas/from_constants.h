#pragma once

#include <type_traits>

#include "core/kernels/differentiable.h"

namespace rensa::formulas {

/// A formula that depends on none, one or two numbers, its only members.
template <class Formula>
Formula from_constants(const kernels::Constants& c) {
  if constexpr (std::is_empty_v<Formula>) {
    return {};
  } else if constexpr (sizeof(Formula) == sizeof(double)) {
    return {c[0]};
  } else {
    return {c[0], c[1]};
  }
}

}  // namespace rensa::formulas
