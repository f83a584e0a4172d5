#pragma once

#include "core/kernels/formulas/annotation.h"
#include "core/kernels/indexing.h"

namespace rensa::kernels::formulas {

template <class T>
RENSA_FORMULA bool holds(T a, T b, Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return a == b;
    case Comparison::kNotEqual:
      return a != b;
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

}  // namespace rensa::kernels::formulas
