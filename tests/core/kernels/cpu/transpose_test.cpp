#include "core/kernels/cpu/transpose.h"

#include <gtest/gtest.h>

#include <numeric>
#include <utility>
#include <vector>

namespace rensa::cpu {
namespace {

TEST(TransposeTest, TurnsMatricesOfAnySizeAndWritesNoGap) {
  for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 3}, {3, 0}, {1, 1}, {1, 40}, {40, 1}, {15, 17}, {16, 16}, {17, 5}, {300, 130}}) {
    for (const std::int64_t gap : {0, 3}) {
      const std::int64_t y_row = rows + gap;
      std::vector<float> x(static_cast<std::size_t>(rows * columns)), y(static_cast<std::size_t>(columns * y_row), -1);
      std::iota(x.begin(), x.end(), 0.0f);
      transpose(x.data(), rows, columns, y.data(), y_row);
      std::vector<float> expected(y.size(), -1);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < columns; ++c)
          expected[static_cast<std::size_t>(c * y_row + r)] = static_cast<float>(r * columns + c);
      }
      EXPECT_EQ(y, expected) << rows << " × " << columns << ", gap " << gap;
    }
  }
}

}  // namespace
}  // namespace rensa::cpu
