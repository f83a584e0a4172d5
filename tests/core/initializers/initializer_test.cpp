#include "core/initializers/initializer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/functions/matmul.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Array made(const Initializer& initializer, const Shape& shape) {
  Array values = empty(shape, Dtype::kFloat64);
  RandomStream random(3, Purpose::kInitialize);
  initializer(values, random);
  return values;
}

double mean_square(const Array& values) {
  double sum = 0;
  for (const double x : to_vector<double>(values)) sum += x * x;
  return sum / static_cast<double>(values.size());
}

double largest(const Array& values) {
  double most = 0;
  for (const double x : to_vector<double>(values)) most = std::max(most, std::abs(x));
  return most;
}

TEST(InitializerTest, SpreadFollowsTheFans) {
  const Shape shape = {200, 100};  // fan_in 100, fan_out 200
  EXPECT_NEAR(mean_square(made(init::normal(0.3), shape)), 0.09, 0.004);
  EXPECT_NEAR(mean_square(made(init::lecun_normal(), shape)), 1.0 / 100, 5e-4);
  EXPECT_NEAR(mean_square(made(init::glorot_normal(), shape)), 2.0 / 300, 4e-4);
  EXPECT_NEAR(mean_square(made(init::he_normal(), shape)), 2.0 / 100, 1e-3);
  EXPECT_NEAR(mean_square(made(init::he_normal(1, /*fan_out=*/true), shape)), 2.0 / 200, 5e-4);
  EXPECT_NEAR(largest(made(init::uniform(0.2), shape)), 0.2, 1e-3);
  EXPECT_NEAR(largest(made(init::lecun_uniform(), shape)), std::sqrt(3.0 / 100), 1e-3);
  EXPECT_NEAR(largest(made(init::glorot_uniform(), shape)), std::sqrt(6.0 / 300), 1e-3);
  EXPECT_NEAR(largest(made(init::he_uniform(), shape)), std::sqrt(6.0 / 100), 1e-3);
}

TEST(InitializerTest, FixedValues) {
  EXPECT_THAT(to_vector<double>(made(init::zeros(), {3})), Each(0));
  EXPECT_THAT(to_vector<double>(made(init::ones(), {3})), Each(1));
  EXPECT_THAT(to_vector<double>(made(init::constant(0.5), {3})), Each(0.5));
  EXPECT_TRUE(std::isnan(to_vector<double>(made(init::nan(), {2}))[1]));
  EXPECT_EQ(to_vector<double>(made(init::identity(2), {2, 2})), (std::vector<double>{2, 0, 0, 2}));
  EXPECT_THAT([] { made(init::identity(), {2, 3}); }, ThrowsMessage<ShapeError>(HasSubstr("(2, 3)")));
}

TEST(InitializerTest, OrthogonalRowsOrColumnsHaveOneLengthAndRightAngles) {
  for (const Shape& shape : {Shape{4, 7}, Shape{7, 4}, Shape{4, 2, 3}}) {
    const Array values = made(init::orthogonal(1.1), shape).reshape({shape[0], -1});
    const bool wide = values.shape()[0] <= values.shape()[1];
    const Array products = functions::matmul(values, values, !wide, wide).array();
    const std::int64_t n = products.shape()[0];
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        EXPECT_NEAR(products.data<double>()[i * n + j], i == j ? 1.21 : 0, 1e-12) << shape;
      }
    }
  }
}

TEST(InitializerTest, BilinearWindows) {
  const Array up = made(init::upsampling_deconvolution(), {2, 2, 4, 4});
  EXPECT_EQ(to_vector<double>(up.select(0, 0).select(0, 0).select(0, 1)),
            (std::vector<double>{0.1875, 0.5625, 0.5625, 0.1875}));
  EXPECT_THAT(to_vector<double>(up.select(0, 0).select(0, 1)), Each(0));
  double sum = 0;
  for (const double x : to_vector<double>(made(init::downsampling_convolution(), {3, 1, 3, 3}).select(0, 2))) sum += x;
  EXPECT_NEAR(sum, 1, 1e-12);
  const Array of_three = made(init::upsampling_deconvolution(), {2, 2, 4, 4, 4}).select(0, 1).select(0, 1);
  EXPECT_EQ(to_vector<double>(of_three.select(0, 1).select(0, 0)),
            (std::vector<double>{0.046875, 0.140625, 0.140625, 0.046875}));  // 0.75 0.25 (0.25, 0.75, …)
  EXPECT_EQ(to_vector<double>(made(init::upsampling_deconvolution(), {1, 1, 4})),
            (std::vector<double>{0.25, 0.75, 0.75, 0.25}));
  for (const Shape& shape : {Shape{2, 3, 4, 4}, Shape{2, 2, 4, 3}, Shape{2, 2}}) {
    EXPECT_THROW(made(init::upsampling_deconvolution(), shape), ShapeError) << shape;
  }
  EXPECT_THAT([] { made(init::upsampling_deconvolution(), {2, 3, 4, 4}); },
              ThrowsMessage<ShapeError>(HasSubstr("(2, 3, 4, 4)")));
}

}  // namespace
}  // namespace rensa
