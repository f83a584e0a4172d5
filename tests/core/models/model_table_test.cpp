#include "core/models/model_table.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/autograd/config.h"
#include "core/models/model.h"
#include "tests/support/thread_sanitizer.h"

namespace rensa::models {
namespace {

struct Size {
  const char* name;
  std::int64_t parameters;
  double billions;  ///< multiply-adds at 224 pixels
};

class ModelSizeTest : public ::testing::TestWithParam<Size> {};

/// Parameters and multiply-adds are those of torchvision's table of models (its "GFLOPS" are multiply-adds, without
/// those of normalizations), GoogLeNet's those of the paper's layers, NIN's those of Chainer's example, ViT-S's those
/// of DeiT-S.
TEST_P(ModelSizeTest, IsTheLiteratures) {
  constexpr std::int64_t kManyNumbers = 50'000'000;  // a model that draws more takes minutes under the thread sanitizer
  if (rensa::testing::kThreadSanitizer && GetParam().parameters > kManyNumbers) {
    GTEST_SKIP() << "one thread draws " << GetParam().parameters
                 << " numbers: minutes, and no other thread to race with";
  }
  const auto model = make_model(GetParam().name, {.input = {3, 224, 224}, .classes = 1000});
  const ConfigScope judged({.train = false});
  const auto rows = model_table(*model, [&] { return (*model)(Variable(zeros({1, 3, 224, 224}))); });
  const auto total = [&](auto LayerRow::* field) {
    return std::accumulate(rows.begin(), rows.end(), std::int64_t{0},
                           [&](std::int64_t sum, const LayerRow& row) { return sum + row.*field; });
  };
  EXPECT_EQ(model->count_parameters(), GetParam().parameters);
  EXPECT_EQ(total(&LayerRow::parameters), GetParam().parameters);
  EXPECT_NEAR(static_cast<double>(total(&LayerRow::multiply_adds)) / 1e9, GetParam().billions, 0.0051);
}
INSTANTIATE_TEST_SUITE_P(ImageNet, ModelSizeTest,
                         ::testing::Values(Size{"resnet18", 11689512, 1.81}, Size{"resnet34", 21797672, 3.66},
                                           Size{"resnet50", 25557032, 4.09}, Size{"resnet101", 44549160, 7.80},
                                           Size{"resnet152", 60192808, 11.51}, Size{"resnext50", 25028904, 4.23},
                                           Size{"alexnet", 61100840, 0.71}, Size{"nin", 7595176, 1.10},
                                           Size{"googlenet", 6998552, 1.58}, Size{"googlenet_bn", 11281000, 2.02},
                                           Size{"googlenet_torchvision", 6624904, 1.50},
                                           Size{"vgg16", 138357544, 15.47}, Size{"vgg19", 143667240, 19.63},
                                           Size{"mobilenet_v2", 3504872, 0.30}, Size{"vit_s_16", 22050664, 4.60},
                                           Size{"vit_b_16", 86567656, 17.56}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ModelTableTest, NamesLinksAndCountsSharedParametersOnce) {
  const auto model = make_model("mlp", {.input = {6}, .classes = 3, .units = 5});
  const auto rows = model_table(*model, [&] {
    (*model)(Variable(ones({2, 6})));
    return (*model)(Variable(ones({2, 6})));
  });
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows[0].operation, "linear");
  EXPECT_EQ(rows[0].path, "l1");
  EXPECT_EQ(rows[0].output, Shape({2, 5}));
  EXPECT_EQ(rows[0].parameters, 35);
}

}  // namespace
}  // namespace rensa::models
