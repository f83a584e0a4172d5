#include "core/kernels/convolution.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "tests/support/near_by_largest.h"

namespace rensa::kernels {
namespace {

using rensa::testing::near_by_largest;

struct Task {
  Shape x, W;
  ConvolutionGeometry geometry;
};

std::string text(const Task& task) {
  const ConvolutionGeometry& g = task.geometry;
  std::ostringstream out;
  out << "x " << task.x << ", W " << task.W << ", stride " << g.stride[0] << 'x' << g.stride[1] << ", pad " << g.pad[0]
      << 'x' << g.pad[1] << ", dilate " << g.dilate[0] << ", groups " << g.groups;
  return out.str();
}

/// The convolution and its gradients against those in float64, of which oneDNN has none.
void expect_right(const Task& task, Dtype dtype, std::uint64_t seed) {
  SCOPED_TRACE(text(task));
  const double tolerance = dtype == Dtype::kFloat32 ? 1e-5 : 0.02;
  const ConvolutionGeometry& g = task.geometry;
  const Array x = random_array(task.x, seed).to(dtype).channels_last(), W = random_array(task.W, seed + 1).to(dtype),
              gy = random_array(output_shape(task.x, task.W, g), seed + 2).to(dtype);
  const auto wide = [](const Array& a) { return a.to(Dtype::kFloat64); };
  EXPECT_TRUE(near_by_largest(convolution(x, W, Array(), g), convolution(wide(x), wide(W), Array(), g), tolerance))
      << "y";
  EXPECT_TRUE(near_by_largest(convolution_backward_data(gy, W, g, task.x),
                              convolution_backward_data(wide(gy), wide(W), g, task.x), tolerance))
      << "gx";
  const Array exact = convolution_backward_weights(wide(x), wide(gy), g, task.W, Array());
  EXPECT_TRUE(near_by_largest(convolution_backward_weights(x, gy, g, task.W, Array()), exact, tolerance)) << "gW";
  const Array place = empty(task.W, dtype);
  convolution_backward_weights(x, gy, g, task.W, place);
  EXPECT_TRUE(near_by_largest(place, exact, tolerance)) << "gW in its place";
}

class OneDnnConvolutionTest : public ::testing::TestWithParam<Dtype> {};

TEST_P(OneDnnConvolutionTest, IsRightWhereOneDnnIsNot) {
  const std::vector<Task> tasks = {
      // gradients of x from an odd number of channels, in bfloat16 without AMX
      {{2, 4, 6, 5}, {3, 4, 1, 1}, {}},
      {{2, 5, 10, 9}, {5, 5, 1, 1}, {}},
      {{2, 32, 6, 5}, {33, 32, 1, 1}, {}},
      {{3, 18, 12, 15}, {13, 18, 1, 1}, {.stride = {3, 1}}},
      // gradients of W where a stride is longer than a line, in bfloat16 without AMX
      {{1, 8, 11, 2}, {16, 8, 3, 3}, {.stride = {3, 3}, .pad = {1, 1}}},
      {{3, 19, 3, 1}, {20, 19, 3, 3}, {.stride = {2, 2}, .pad = {1, 1}}},
      {{2, 16, 7, 1}, {76, 4, 2, 2}, {.stride = {3, 3}, .pad = {1, 1}, .groups = 4}},
      // strided windows of 1x1: wrong with AVX2, beside the scratchpad with AVX-512
      {{3, 1, 12, 4}, {11, 1, 1, 1}, {.stride = {3, 1}}},
      {{2, 5, 10, 12}, {2, 5, 1, 1}, {.stride = {1, 3}}},
      {{1, 4, 8, 14}, {18, 4, 1, 1}, {.stride = {2, 2}}},
      {{3, 3, 5, 10}, {12, 3, 1, 1}, {.stride = {1, 2}}},
      {{3, 6, 12, 6}, {10, 6, 1, 1}, {.stride = {2, 2}}},
  };
  for (std::size_t i = 0; i < tasks.size(); ++i) expect_right(tasks[i], GetParam(), 10 * i);
}

TEST_P(OneDnnConvolutionTest, IsRightAtRandom) {
  std::mt19937 random(5);
  const auto pick = [&](std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
  };
  for (std::uint64_t done = 0; done < 150;) {
    Task task;
    ConvolutionGeometry& g = task.geometry;
    g.groups = pick(0, 3) ? 1 : pick(2, 4);
    const std::int64_t dilate = pick(0, 3) ? 1 : 2;
    task.x = {pick(1, 3), g.groups * pick(1, 20), pick(1, 12), pick(1, 16)};
    task.W = {g.groups * pick(1, 20), task.x[1] / g.groups, pick(1, 4), pick(1, 4)};
    g.dilate = {dilate, dilate};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      g.stride[axis] = pick(1, 3);
      g.pad[axis] = pick(0, task.W[static_cast<int>(axis) + 2] / 2);
    }
    const auto fits = [&](int axis) {
      const auto at = static_cast<std::size_t>(axis - 2);
      return task.x[axis] + 2 * g.pad[at] > (task.W[axis] - 1) * dilate;
    };
    if (!fits(2) || !fits(3)) continue;
    expect_right(task, GetParam(), 10 * ++done);
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, OneDnnConvolutionTest, ::testing::Values(Dtype::kFloat32, Dtype::kBFloat16),
                         [](const auto& one) { return std::string(name(one.param)); });

}  // namespace
}  // namespace rensa::kernels
