#pragma once

#include <algorithm>
#include <cmath>

#include "tests/support/golden_file.h"

namespace rensa::testing {

/// near() in float64, with the tolerance in parts of the largest of `exact`.
inline ::testing::AssertionResult near_by_largest(const Array& found, const Array& exact, double tolerance) {
  double largest = 0;
  for (const double v : to_vector<double>(exact)) largest = std::max(largest, std::abs(v));
  return near(found.to(Dtype::kFloat64), exact, tolerance * largest);
}

}  // namespace rensa::testing
