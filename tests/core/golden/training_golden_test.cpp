#include "tests/support/training_golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/golden_file.h"
#include "tests/support/hashed_numbers.h"

namespace rensa::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The parameters of the MLP, under the names that a link made of three linear layers has.
struct ThreeLayers : Link {
  struct Layer : Link {
    Parameter W, b;
    Layer(std::int64_t in, std::int64_t out) : W({out, in}, init::zeros()), b({out}, init::ones()) {
      add("W", W);
      add("b", b);
    }
  };
  Layer l1, l2, l3;
  explicit ThreeLayers(std::int64_t units) : l1(784, units), l2(units, units), l3(units, 10) {
    add("l1", l1);
    add("l2", l2);
    add("l3", l3);
  }
};

TEST(TrainingGoldenTest, NamesAreTranslatedToPyTorchs) {
  EXPECT_EQ(TrainingGolden::pytorch_name("layer1/0/bn1/gamma"), "layer1.0.bn1.weight");
  EXPECT_EQ(TrainingGolden::pytorch_name("layer1/0/bn1/beta"), "layer1.0.bn1.bias");
  EXPECT_EQ(TrainingGolden::pytorch_name("fc/W"), "fc.weight");
  EXPECT_EQ(TrainingGolden::pytorch_name("b"), "bias");
}

TEST(TrainingGoldenTest, ParametersGetTheOraclesStartValues) {
  const TrainingGolden golden("mlp");
  ThreeLayers model(golden.settings().at("units"));
  golden.set_parameters(model, Dtype::kFloat64);
  const auto W = to_vector<double>(model.l1.W.array());
  EXPECT_EQ(model.l1.W.dtype(), Dtype::kFloat64);
  EXPECT_EQ(W[1000], HashedNumbers(0).uniform(1000, std::sqrt(3.0 / 784)));
  EXPECT_THAT(to_vector<double>(model.l2.b.array()), ::testing::Each(0.0));
}

TEST(TrainingGoldenTest, AModelOfAnotherShapeIsNamed) {
  ThreeLayers model(99);
  EXPECT_THAT([&] { TrainingGolden("mlp").set_parameters(model, Dtype::kFloat32); },
              ThrowsMessage<std::runtime_error>(HasSubstr("l1/W")));
}

TEST(TrainingGoldenTest, BatchesComeAgainInTheSameOrder) {
  const TrainingGolden golden("vgg_cifar");
  EXPECT_EQ(to_vector<float>(golden.input(1, Dtype::kFloat32)), to_vector<float>(golden.input(5, Dtype::kFloat32)));
  EXPECT_NE(to_vector<float>(golden.input(1, Dtype::kFloat32)), to_vector<float>(golden.input(2, Dtype::kFloat32)));
  EXPECT_EQ(golden.input(0, Dtype::kFloat32).shape(), (Shape{8, 3, 32, 32}));
  EXPECT_EQ(golden.labels(0).shape(), (Shape{8}));
}

TEST(GoldenFileTest, EveryFunctionFileCanBeRead) {
  for (const char* name : {"activation", "average_pooling_2d", "batch_normalization", "convolution", "linear",
                           "max_pooling_2d", "softmax_cross_entropy"}) {
    const nlohmann::json file = golden_file(name);
    ASSERT_FALSE(file.at("cases").empty()) << name;
    for (const nlohmann::json& c : file.at("cases")) {
      for (const auto& [key, value] : c.at("inputs").items()) EXPECT_GT(golden_array(value).size(), 0) << key;
      EXPECT_EQ(golden_array(c.at("gy")).shape(), golden_array(c.at("output")).shape()) << name << " " << c.at("name");
    }
  }
}

TEST(GoldenFileTest, NearRefusesNanAndOtherShapes) {
  const Array x = array({1.0, 2.0});
  EXPECT_TRUE(near(x, array({1.0, 2.0 + 1e-12}), 1e-10));
  EXPECT_FALSE(near(x, array({1.0, 2.1}), 1e-10));
  EXPECT_FALSE(near(array({1.0, std::nan("")}), x, 1e-10));
  EXPECT_FALSE(near(x, array({1.0}), 1e-10));
}

}  // namespace
}  // namespace rensa::testing
