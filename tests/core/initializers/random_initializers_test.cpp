#include "core/initializers/initializer.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "tests/support/thread_sanitizer.h"

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

TEST(RandomInitializerTest, TheNumberOfThreadsChangesNoBit) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "libgomp's threads look like races to the thread sanitizer";
  const Shape shape = {37, 11, 9, 5};
  for (const Initializer& each : {init::he_normal(), init::glorot_uniform()}) {
    const std::vector<float> one = drawn_on(1, each, shape);
    EXPECT_EQ(drawn_on(2, each, shape), one);
    EXPECT_EQ(drawn_on(3, each, shape), one);
  }
}

TEST(RandomInitializerTest, DrawsInRowMajorOrderOfTheShape) {
  RandomStream stream(1, Purpose::kInitialize), again(1, Purpose::kInitialize);
  const Array values = empty({4, 3, 2, 2}, Dtype::kFloat64, {}, Layout::kChannelsLast);
  init::normal(0.5)(values, stream);
  for (const double value : to_vector<double>(values)) EXPECT_EQ(value, 0.5 * again.normal());
}

}  // namespace
}  // namespace rensa
