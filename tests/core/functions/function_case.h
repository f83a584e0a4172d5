#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/variable.h"

namespace rensa::testing {

/// An input of a case: its axes as letters ("nchw"; the same letter is the same size, drawn at random) or digits (fixed
/// sizes);
/// "*" is any shape. Its elements are uniform between low and high.
struct Operand {
  std::string axes = "*";
  double low = -2, high = 2;
};

/// What a function is asked in every case: see function_case.cpp for the questions.
struct FunctionCase {
  std::string name;  ///< the function's, then "__" and the variant if there are several: "pad__reflect"
  std::function<Variables(const Variables&)> f;
  std::vector<Operand> inputs = {{}};
  std::string may_be_empty = {};      ///< letters of axes that may have size 0; inputs "*" may always be empty
  int derivatives = 2;                ///< 0: none, 1: a gradient, 2: a gradient's gradient
  double tolerance = 1e-12;           ///< against the oracle, in float64; relative to 1 + |expected|
  double float_tolerance = 2e-5;      ///< of float32 against float64
  std::function<void()> values = {};  ///< expects known values, for a function that the oracle does not know
  std::vector<std::pair<std::string, std::function<void()>>> refusals =
      {};                  ///< a part of the message, and the wrong call
  double half_factor = 1;  ///< of what 16-bit results may be off; 0: such an input has no meaningful result
};

void PrintTo(const FunctionCase& c, std::ostream* out);

/// Makes a FunctionCase's f of a callable that takes Variables one by one and returns one or several.
template <class F>
std::function<Variables(const Variables&)> of(F f) {
  return [f](const Variables& x) -> Variables {
    if constexpr (std::is_invocable_v<F, Variable>) {
      return Variables{f(x[0])};
    } else if constexpr (std::is_invocable_v<F, Variable, Variable>) {
      return Variables{f(x[0], x[1])};
    } else if constexpr (std::is_invocable_v<F, Variable, Variable, Variable>) {
      return Variables{f(x[0], x[1], x[2])};
    } else if constexpr (std::is_invocable_v<F, Variable, Variable, Variable, Variable>) {
      return Variables{f(x[0], x[1], x[2], x[3])};
    } else {
      return Variables{f(x[0], x[1], x[2], x[3], x[4])};
    }
  };
}

/// Whole numbers that the oracle makes too: (7 i + 3) mod `classes` at position i.
Array labels(const Shape& shape, std::int64_t classes, Dtype dtype = Dtype::kInt64);

/// The questions. A family's test file gives its table:
///   INSTANTIATE_TEST_SUITE_P(Activation, FunctionCaseTest, ::testing::ValuesIn(activation_cases()), case_name);
class FunctionCaseTest : public ::testing::TestWithParam<FunctionCase> {
 protected:
  /// Inputs of random shapes; `sizes` fixes the sizes of some letters ('*' the shape's of inputs of any shape).
  std::vector<Array> draw(std::uint64_t seed, const std::vector<std::pair<char, std::int64_t>>& sizes = {}) const;
  Variables results(const std::vector<Array>& inputs) const;
  void check_gradients(const std::vector<Array>& inputs) const;
  std::string letters() const;  ///< of all inputs, each once
};

std::string case_name(const ::testing::TestParamInfo<FunctionCase>& info);

}  // namespace rensa::testing
