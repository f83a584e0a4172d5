#include "core/functions/reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/shape.h"
#include "tests/support/thread_sanitizer.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(SumTest, ReducesAllOrSomeAxes) {
  const Variable x = array<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(F::sum(x).shape(), Shape({}));
  EXPECT_EQ(F::sum(x).item<float>(), 21);
  EXPECT_THAT(to_vector<float>(F::sum(x, {0}).array()), ElementsAre(5, 7, 9));
  EXPECT_THAT(to_vector<float>(F::sum(x, {-1}).array()), ElementsAre(6, 15));
  EXPECT_EQ(F::sum(x, {1}, /*keepdims=*/true).shape(), Shape({2, 1}));
  EXPECT_THAT(to_vector<float>(F::mean(x, {1}).array()), ElementsAre(2, 5));
}

/// Every choice of axes of every layout against the plain definition.
TEST(SumTest, EqualsTheDefinitionForAnyAxesAndLayout) {
  const Array base = random_array({3, 5, 4, 2}, 1);
  const auto definition = [](const Array& x, const Dims& axes) {
    Shape shape = x.shape();
    for (const std::int64_t axis : axes) shape[static_cast<int>(axis)] = 1;
    std::vector<double> sums(static_cast<std::size_t>(total_size(shape)), 0.0);
    const Strides strides = contiguous_strides(shape), places = contiguous_strides(x.shape());
    const std::vector<double> values = to_vector<double>(x);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      std::int64_t at = 0;
      for (int axis = 0; axis < x.ndim(); ++axis) {
        const std::int64_t position = i / places[axis] % x.shape()[axis];
        at += (shape[axis] == 1 ? 0 : position) * strides[axis];
      }
      sums[static_cast<std::size_t>(at)] += values[static_cast<std::size_t>(i)];
    }
    return sums;
  };
  for (const Array& x : {base, base.channels_last(), base.transpose(), base.slice(1, {.start = 1, .step = 2})}) {
    for (unsigned mask = 1; mask < 16; ++mask) {
      Dims axes;
      for (int axis = 0; axis < 4; ++axis) {
        if (mask >> axis & 1) axes.push_back(axis);
      }
      const std::vector<double> found = to_vector<double>(F::sum(x, axes).array()), expected = definition(x, axes);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << axes;
    }
  }
}

TEST(SumTest, IsTheSameBitsOnOneThreadAndTwo) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "libgomp's threads look like races to the thread sanitizer";
  const Array x = random_array({300, 700}, 2).to(Dtype::kFloat32), tall = random_array({1001, 33}, 3);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = to_vector<float>(F::sum(x).array()), columns = to_vector<float>(F::sum(x, {0}).array());
  const auto of_tall = to_vector<double>(F::sum(tall, {0}).array());
  omp_set_num_threads(2);
  EXPECT_EQ(to_vector<float>(F::sum(x).array()), one);
  EXPECT_EQ(to_vector<float>(F::sum(x, {0}).array()), columns);
  EXPECT_EQ(to_vector<double>(F::sum(tall, {0}).array()), of_tall);  // the second thread's tile is one column wide
  omp_set_num_threads(threads);
}

TEST(SumTest, DoesNotLoseSmallNumbersInFloat32) {
  EXPECT_EQ(F::sum(full({1 << 24}, 0.25)).item<float>(), static_cast<float>(1 << 22));
}

TEST(SumTest, GradientsMatchCentralDifferences) {
  for (const Dims& axes : {Dims{}, Dims{0}, Dims{1, 2}, Dims{-1}}) {
    const auto f = [&](const Variable& x) { return F::mean(x, axes); };
    check_gradient(f, random_array({2, 3, 4}, 3));
    check_double_gradient(f, random_array({2, 3, 4}, 3));
  }
}

TEST(SumTest, RefusesAnAxisTwiceOrOutside) {
  EXPECT_THAT([] { F::sum(zeros({2, 3}), {1, -1}); }, ThrowsMessage<ValueError>(HasSubstr("axis 1 is named twice")));
  EXPECT_THROW(F::sum(zeros({2, 3}), {2}), IndexError);
}

TEST(MaxTest, FindsTheLargestAndSendsTheGradientThere) {
  const Variable x = array<double>({1, 7, 3, 4, 2, 6}, {2, 3});
  EXPECT_EQ(F::max(x).item<double>(), 7);
  EXPECT_THAT(to_vector<double>(F::max(x, {1}).array()), ElementsAre(7, 6));
  check_gradient([](const Variable& v) { return F::max(v, {1}); }, x.array());
  check_double_gradient([](const Variable& v) { return F::max(v, {0, 1}); }, x.array());
}

TEST(MaxTest, AGradientOfAnotherDtypeIsTaken) {
  for (const bool of_negative : {false, true}) {
    Variable x(array<float>({1, 7, 3}), true);
    Variable y = of_negative ? F::min(F::reshape(x, {3})) : F::max(x);
    y.set_grad(Variable(full({}, 2, Dtype::kFloat64)));
    y.backward();
    EXPECT_THAT(to_vector<float>(x.grad()), of_negative ? ElementsAre(2, 0, 0) : ElementsAre(0, 2, 0));
  }
}

TEST(MaxTest, KeepsNotANumberAndRefusesNothing) {
  EXPECT_TRUE(std::isnan(F::max(array<double>({1, NAN, 3})).item<double>()));
  for (const std::int64_t size : {1, 7, 16, 64, 65, 300}) {  // the same by vectors and by the rest of them
    for (const std::int64_t at : {std::int64_t{0}, size / 2, size - 1}) {
      const Array row = full({2, size}, -INFINITY);
      EXPECT_EQ(to_vector<float>(F::max(row, {1}).array())[0], -INFINITY);
      row.data<float>()[at] = -5;
      row.data<float>()[size + at] = NAN;
      const std::vector<float> found = to_vector<float>(F::max(row, {1}).array());
      EXPECT_EQ(found[0], -5) << size << ' ' << at;
      EXPECT_TRUE(std::isnan(found[1])) << size << ' ' << at;
    }
  }
  EXPECT_THAT([] { F::max(zeros({2, 0}), {1}); }, ThrowsMessage<ValueError>(HasSubstr("size 0")));
}

TEST(WholeNumbersTest, AreReducedAsNumPyDoes) {
  const Variable x = array<std::int32_t>({3, -1, 2, 5, 4, -6}, {2, 3});
  EXPECT_THAT(to_vector<std::int64_t>(F::sum(x, {0}).array()), ElementsAre(8, 3, -4));
  EXPECT_EQ(F::sum(x).dtype(), Dtype::kInt64);
  EXPECT_EQ(F::prod(x).item<std::int64_t>(), 720);
  EXPECT_THAT(to_vector<std::int32_t>(F::max(x, {1}).array()), ElementsAre(3, 5));
  EXPECT_THAT(to_vector<std::int32_t>(F::min(x, {-1}).array()), ElementsAre(-1, -6));
  EXPECT_EQ(F::min(x, {1}, /*keepdims=*/true).shape(), Shape({2, 1}));
  EXPECT_EQ(F::max(x).dtype(), Dtype::kInt32);
  EXPECT_DOUBLE_EQ(F::mean(x).item<double>(), 7.0 / 6);
  constexpr std::int64_t kBeyondFloat64 = (std::int64_t{1} << 53) + 1;
  EXPECT_EQ(*F::sum(array<std::int64_t>({kBeyondFloat64 - 1, 1})).array().data<std::int64_t>(), kBeyondFloat64);
  const Variable flags = x.array().to(Dtype::kBool);
  EXPECT_EQ(F::sum(flags).dtype(), Dtype::kInt64);
  EXPECT_EQ(F::sum(flags).item<std::int64_t>(), 6);
  EXPECT_EQ(F::sum(zeros({0, 2}, Dtype::kInt32), {0}).shape(), Shape({2}));
  EXPECT_THROW(F::max(zeros({0}, Dtype::kInt32)), ValueError);
}

TEST(BroadcastToTest, IsTheAdjointOfSumTo) {
  EXPECT_THAT(to_vector<float>(F::broadcast_to(array<float>({1, 2}, {2, 1}), {2, 2}).array()), ElementsAre(1, 1, 2, 2));
  const auto there = [](const Variable& x) { return F::broadcast_to(x, {4, 2, 3}); };
  check_gradient(there, random_array({2, 1}, 4));
  check_double_gradient(there, random_array({2, 1}, 4));
  const auto back = [](const Variable& x) { return F::sum_to(x, {2, 1}); };
  check_gradient(back, random_array({4, 2, 3}, 5));
  check_double_gradient(back, random_array({4, 2, 3}, 5));
  EXPECT_THROW(F::broadcast_to(zeros({2, 3}), {2, 4}), ShapeError);
}

}  // namespace
}  // namespace rensa
