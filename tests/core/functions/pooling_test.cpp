#include "core/functions/pooling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

F::PoolingOptions options_of(const nlohmann::json& o) {
  F::PoolingOptions options{.stride = std::array<std::int64_t, 2>{}};
  for (std::size_t i = 0; i < 2; ++i) {
    options.kernel[i] = o.at("ksize")[i];
    (*options.stride)[i] = o.at("stride")[i];
    options.pad[i] = o.at("pad")[i];
  }
  options.cover_all = o.value("cover_all", false);
  return options;
}

void expect_golden(const char* file_name, Variable (*pool)(const Variable&, const F::PoolingOptions&)) {
  const nlohmann::json file = rensa::testing::golden_file(file_name);
  for (const auto& entry : file.at("cases")) {
    for (const Dtype dtype : {Dtype::kFloat64, Dtype::kFloat32}) {
      SCOPED_TRACE(entry.at("name").get<std::string>());
      const double tolerance = dtype == Dtype::kFloat64 ? 1e-14 : 1e-6;
      Variable x(rensa::testing::golden_array(entry.at("inputs").at("x"), dtype), true);
      Variable y = pool(x, options_of(entry.at("options")));
      EXPECT_TRUE(rensa::testing::near(y.array(), rensa::testing::golden_array(entry.at("output")), tolerance));
      y.set_grad(rensa::testing::golden_array(entry.at("gy"), dtype));
      y.backward();
      EXPECT_TRUE(
          rensa::testing::near(x.grad(), rensa::testing::golden_array(entry.at("gradients").at("x")), tolerance));
    }
  }
}

TEST(MaxPooling2DTest, EqualsTheOracle) { expect_golden("max_pooling_2d", F::max_pooling_2d); }
TEST(AveragePooling2DTest, EqualsPyTorch) { expect_golden("average_pooling_2d", F::average_pooling_2d); }

TEST(Pooling2DTest, GradientsMatchCentralDifferences) {
  const F::PoolingOptions options{.kernel = {3, 2}, .stride = {{2, 1}}, .pad = {1, 0}};
  const Array x = random_array({2, 3, 6, 5}, 1);
  for (const auto pool : {F::max_pooling_2d, F::average_pooling_2d}) {
    check_gradient([&](const Variable& v) { return pool(v, options); }, x);
    check_double_gradient([&](const Variable& v) { return pool(v, options); }, x);
  }
  const F::PoolingOptions apart{
      .kernel = {1, 2}, .stride = {{2, 3}}, .cover_all = false};  // pixels that no window covers
  for (const auto pool : {F::max_pooling_2d, F::average_pooling_2d}) {
    check_gradient([&](const Variable& v) { return pool(v, apart); }, x);
    check_double_gradient([&](const Variable& v) { return pool(v, apart); }, x);
  }
  check_gradient(F::global_average_pooling_2d, x);
  check_double_gradient(F::global_average_pooling_2d, x);
}

TEST(MaxPooling2DTest, CoversEveryPixelUnlessToldOtherwise) {
  const Array x = zeros({1, 1, 7, 7});
  EXPECT_EQ(F::max_pooling_2d(x, {.kernel = {2, 2}}).shape(), Shape({1, 1, 4, 4}));
  EXPECT_EQ(F::max_pooling_2d(x, {.kernel = {2, 2}, .cover_all = false}).shape(), Shape({1, 1, 3, 3}));
  const Variable few(array<double>({1, 4, 3, 2}, {1, 1, 2, 2}));  // fewer pixels than a window has
  EXPECT_THAT(to_vector<double>(F::max_pooling_2d(few, {.kernel = {3, 3}}).array()), ::testing::ElementsAre(4));
  check_gradient([](const Variable& v) { return F::max_pooling_2d(v, {.kernel = {3, 3}}); }, few.array());
}

TEST(MaxPooling2DTest, KeepsNotANumber) {
  const Variable y = F::max_pooling_2d(array<float>({1, NAN, 3, 4}, {1, 1, 2, 2}));
  EXPECT_TRUE(std::isnan(y.item<float>()));
}

TEST(MaxPooling2DTest, RefusesWindowsThatDoNotFit) {
  EXPECT_THAT([] { F::max_pooling_2d(zeros({1, 1, 2, 2}), {.kernel = {3, 3}, .cover_all = false}); },
              ThrowsMessage<ShapeError>(HasSubstr("window of 3 pixels")));
  EXPECT_THROW(F::max_pooling_2d(zeros({1, 1, 1, 1}), {.kernel = {3, 3}, .stride = {{1, 1}}}), ShapeError);
  EXPECT_THROW(F::max_pooling_2d(zeros({1, 1, 0, 4}), {.kernel = {2, 2}, .pad = {1, 1}}), ShapeError);
  EXPECT_THROW(F::average_pooling_2d(zeros({1, 1, 4, 0}), {.kernel = {2, 2}, .pad = {1, 1}}), ShapeError);
  EXPECT_THROW(F::max_pooling_2d(zeros({1, 2, 2})), ShapeError);
  EXPECT_THROW(F::max_pooling_2d(zeros({1, 1, 2, 2}), {.kernel = {0, 2}}), ValueError);
  EXPECT_THROW(F::max_pooling_2d(zeros({1, 1, 4, 4}, Dtype::kInt32)), DtypeError);
}

}  // namespace
}  // namespace rensa
