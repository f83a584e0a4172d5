#include "core/kernels/cpu/transposed_copy.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rensa::cpu {
namespace {

double value_at(std::int64_t place) { return static_cast<double>(place % 251); }  // exact in every dtype

/// Memory whose elements tell their place.
Array places(std::int64_t count, Dtype dtype) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(value_at(i));
  return array(values, {count}).to(dtype);
}

/// What a view of places() holds, index by index; `first` is the place of its first element.
std::vector<double> expected(const Array& view, std::int64_t first = 0) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < view.size(); ++i) {
    std::int64_t rest = i, place = first;
    for (int axis = view.ndim() - 1; axis >= 0; --axis) {
      place += rest % view.shape()[axis] * view.strides()[axis];
      rest /= view.shape()[axis];
    }
    all.push_back(value_at(place));
  }
  return all;
}

TEST(TransposedCopyTest, CopiesMatricesOfAnySizeAndDtype) {
  const std::pair<std::int64_t, std::int64_t> sizes[] = {{0, 5},   {1, 40},  {40, 1},  {3, 100},   {4, 4},
                                                         {15, 17}, {16, 16}, {17, 70}, {300, 130}, {7, 3000}};
  for (const Dtype dtype : {Dtype::kUInt8, Dtype::kFloat16, Dtype::kInt32, Dtype::kFloat32, Dtype::kFloat64}) {
    for (const auto& [rows, columns] : sizes) {
      const Array turned = places(rows * columns, dtype).reshape({rows, columns}).transpose();
      const Array copy = zeros(turned.shape(), dtype);
      EXPECT_EQ(copy_transposed(copy, turned), rows >= 4 && columns >= 4);
      EXPECT_EQ(to_vector<double>(turned.copy()), expected(turned)) << dtype << ' ' << rows << " x " << columns;
      if (rows >= 4 && columns >= 4) {
        EXPECT_EQ(to_vector<double>(copy), expected(turned)) << dtype;
      }
    }
  }
}

TEST(TransposedCopyTest, CopiesAnyOrderOfAxes) {
  const Array x = places(5 * 20 * 6 * 33, Dtype::kFloat32).reshape({5, 20, 6, 33});
  for (const Dims& order : {Dims{3, 1, 2, 0}, Dims{0, 2, 3, 1}, Dims{0, 3, 1, 2}, Dims{1, 0, 3, 2}, Dims{2, 3, 0, 1}}) {
    const Array turned = x.transpose(order);
    EXPECT_EQ(to_vector<double>(turned.copy()), expected(turned)) << turned.shape();
  }
}

TEST(TransposedCopyTest, CopiesRowsThatAreReadBackwardsOrAgain) {
  const Array x = places(20 * 33, Dtype::kFloat32).reshape({20, 33});
  const Array backwards = x.slice(0, {.start = 19, .stop = {}, .step = -1}).transpose();
  EXPECT_EQ(to_vector<double>(backwards.copy()), expected(backwards, 19 * 33));
  const Array again = places(33, Dtype::kFloat32).broadcast_to({20, 33}).transpose();
  EXPECT_EQ(to_vector<double>(again.copy()), expected(again));
}

TEST(TransposedCopyTest, WritesBesideNothingElse) {
  const Array x = places(40 * 30, Dtype::kFloat32).reshape({40, 30}).transpose();
  const Array whole = full({30, 50}, -1, Dtype::kFloat32);
  ASSERT_TRUE(copy_transposed(whole.slice(1, {.start = 3, .stop = 43}), x));
  const std::vector<double> found = to_vector<double>(whole), values = expected(x);
  for (std::size_t r = 0; r < 30; ++r) {
    for (std::size_t c = 0; c < 50; ++c) {
      EXPECT_EQ(found[r * 50 + c], c < 3 || c >= 43 ? -1 : values[r * 40 + c - 3]) << r << ", " << c;
    }
  }
}

TEST(TransposedCopyTest, LeavesWhatLiesAlikeToOthers) {
  const Array x = zeros({40, 30});
  EXPECT_FALSE(copy_transposed(empty({40, 30}, x.dtype()), x));
  EXPECT_FALSE(copy_transposed(empty({40, 15}, x.dtype()), x.slice(1, {.start = 0, .stop = 30, .step = 2})));
}

}  // namespace
}  // namespace rensa::cpu
