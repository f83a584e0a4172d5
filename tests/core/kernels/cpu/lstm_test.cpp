#include "core/kernels/lstm.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "tests/support/golden_file.h"

namespace rensa::kernels {
namespace {

using Arrays = std::vector<Array>;

/// float32 arrays that a layer of n units takes: sums of the gates, hx, cx, W, and gradients of y, h, c.
Arrays layer(std::int64_t n, const LstmSteps& steps) {
  const std::int64_t all = std::accumulate(steps.rows.begin(), steps.rows.end(), std::int64_t{0}), batch = 5;
  Arrays made;
  for (const Shape& shape : {Shape{all, 4 * n}, {batch, n}, {batch, n}, {4 * n, n}, {all, n}, {batch, n}, {batch, n}})
    made.push_back(random_array(shape, made.size() + 1, Dtype::kFloat32));
  made[3] = mul_number(made[3], 0.3);  // states that do not explode
  return made;
}

/// All that the kernels make of it.
Arrays run(const Arrays& in, Dtype dtype, const LstmSteps& steps) {
  Arrays own;
  for (const Array& x : in) own.push_back(x.to(dtype).copy());
  const auto [y, cells, h, c] = lstm_steps(own[0], own[1], own[2], own[3], steps);
  const Array sums = lstm_steps_grad(own[0], cells, own[2], own[3], own[4], own[5], own[6], steps);
  return {own[0], y, cells, h, c, sums, own[5], own[6], lstm_states_before(y, own[1], steps)};
}

std::vector<LstmSteps> both_ways(const std::vector<std::int64_t>& rows) {
  return {{.rows = rows, .backwards = false}, {.rows = rows, .backwards = true}};
}

// float32 packs the weights of 120 units first, float64 does not.
TEST(LstmKernelTest, LongSequencesInFloat32AreThoseInFloat64) {
  for (const std::int64_t n : {0, 1, 5, 20, 120}) {
    for (const LstmSteps& steps : both_ways({5, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0})) {
      const Arrays in = layer(n, steps), found = run(in, Dtype::kFloat32, steps),
                   expected = run(in, Dtype::kFloat64, steps);
      for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_TRUE(testing::near(found[i].to(Dtype::kFloat64), expected[i], 2e-5))
            << "n " << n << (steps.backwards ? ", backwards" : "") << ", array " << i;
      }
    }
  }
}

TEST(LstmKernelTest, NoStepsLeaveTheStatesAsTheyAre) {
  const LstmSteps none;
  const Arrays in = layer(3, none), found = run(in, Dtype::kFloat32, none);
  EXPECT_EQ(to_vector<float>(found[3]), to_vector<float>(in[1]));
  EXPECT_EQ(to_vector<float>(found[4]), to_vector<float>(in[2]));
  EXPECT_EQ(found[5].shape(), Shape({0, 12}));
  EXPECT_EQ(to_vector<float>(found[6]), to_vector<float>(in[5]));
}

TEST(LstmKernelTest, TheGradientLeavesTheGatesForAnother) {
  const LstmSteps steps{.rows = {4, 2}};
  const Arrays in = layer(6, steps);
  const Array gates = in[0].copy();
  const auto made = lstm_steps(gates, in[1], in[2], in[3], steps);
  const std::vector<float> before = to_vector<float>(gates);
  const auto gradient = [&] {
    return to_vector<float>(lstm_steps_grad(gates, made[1], in[2], in[3], in[4], in[5].copy(), in[6].copy(), steps));
  };
  const std::vector<float> first = gradient();
  EXPECT_EQ(to_vector<float>(gates), before);
  EXPECT_EQ(gradient(), first);
}

TEST(LstmKernelTest, StatesBeforeAreThoseOfTheStepBeforeInTime) {
  const Array y = random_array({6, 2}, 1), hx = random_array({3, 2}, 2);
  const auto row = [](const Array& x, std::int64_t r) { return to_vector<double>(x.select(0, r)); };
  const Array forwards = lstm_states_before(y, hx, {.rows = {3, 2, 1}, .backwards = false});
  for (std::int64_t r = 0; r < 3; ++r) EXPECT_EQ(row(forwards, r), row(hx, r));
  EXPECT_EQ(row(forwards, 3), row(y, 0));
  EXPECT_EQ(row(forwards, 4), row(y, 1));
  EXPECT_EQ(row(forwards, 5), row(y, 3));
  const Array backwards = lstm_states_before(y, hx, {.rows = {3, 2, 1}, .backwards = true});
  EXPECT_EQ(row(backwards, 5), row(hx, 0));
  EXPECT_EQ(row(backwards, 3), row(y, 5));
  EXPECT_EQ(row(backwards, 4), row(hx, 1));  // its sequence begins here
  EXPECT_EQ(row(backwards, 0), row(y, 3));
  EXPECT_EQ(row(backwards, 1), row(y, 4));
  EXPECT_EQ(row(backwards, 2), row(hx, 2));
}

}  // namespace
}  // namespace rensa::kernels
