#include "core/initializers/initializer.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

namespace rensa {
namespace {

std::vector<float> drawn_on(int threads, const Initializer& initializer, const Shape& shape) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  RandomStream random(3, Purpose::kInitialize);
  random();  // begins inside a block
  const Array values = empty(shape);
  initializer(values, random);
  std::vector<float> all = to_vector<float>(values);
  all.push_back(static_cast<float>(random.uniform()));  // where the stream stands afterwards
  omp_set_num_threads(before);
  return all;
}

TEST(InitializerTest, TheNumberOfThreadsChangesNoBit) {
  const Shape shape = {37, 11, 9, 5};
  for (const Initializer& each : {init::he_normal(), init::glorot_uniform()}) {
    const std::vector<float> one = drawn_on(1, each, shape);
    EXPECT_EQ(drawn_on(2, each, shape), one);
    EXPECT_EQ(drawn_on(3, each, shape), one);
  }
}

TEST(InitializerTest, DrawsInRowMajorOrderOfTheShape) {
  RandomStream stream(1, Purpose::kInitialize), again(1, Purpose::kInitialize);
  const Array values = empty({4, 3, 2, 2}, Dtype::kFloat64, {}, Layout::kChannelsLast);
  init::normal(0.5)(values, stream);
  for (const double value : to_vector<double>(values)) EXPECT_EQ(value, 0.5 * again.normal());
}

TEST(InitializerTest, DeviationsFollowTheFans) {
  const auto deviation = [](const Initializer& initializer) {
    RandomStream random(5, Purpose::kInitialize);
    const Array values = empty({200, 100, 3, 3}, Dtype::kFloat64);
    initializer(values, random);
    double squares = 0;
    for (const double value : to_vector<double>(values)) squares += value * value;
    return std::sqrt(squares / static_cast<double>(values.size()));
  };
  EXPECT_NEAR(deviation(init::he_normal()), std::sqrt(2.0 / 900), 5e-4);
  EXPECT_NEAR(deviation(init::he_normal(1, true)), std::sqrt(2.0 / 1800), 5e-4);
  EXPECT_NEAR(deviation(init::lecun_normal()), std::sqrt(1.0 / 900), 5e-4);
  EXPECT_NEAR(deviation(init::glorot_uniform()), std::sqrt(2.0 / 2700), 5e-4);
}

}  // namespace
}  // namespace rensa
