#include "core/models/vision_transformer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/serializers/npz.h"
#include "core/serializers/safetensors.h"
#include "core/serializers/weights.h"
#include "tests/support/golden_file.h"
#include "tests/support/scratch_folder.h"

namespace rensa::models {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr VisionTransformerOptions kSmall{
    .side = 24, .classes = 5, .patch = 8, .size = 12, .blocks = 2, .heads = 3, .hidden = 20};

/// torchvision's VisionTransformer of that size with its weights, an input and its logits; made by
/// scripts/oracle/make_vision_transformer_goldens.py.
class VisionTransformerGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string file(const std::string& name) { return RENSA_SOURCE_DIR "/tests/golden/" + name; }
};

TEST_P(VisionTransformerGoldenTest, GivesTorchvisionsLogitsWithItsWeights) {
  VisionTransformer model(kSmall);
  load_weights(model, file(GetParam()));
  const NpzReader golden(file("vision_transformer.npz"));
  const ConfigScope judged({.train = false});
  EXPECT_TRUE(rensa::testing::near(model(Variable(golden.array("x"))).array(), golden.array("y"), 2e-5));
}
INSTANTIATE_TEST_SUITE_P(Names, VisionTransformerGoldenTest,
                         ::testing::Values("vision_transformer.safetensors", "vision_transformer_timm.safetensors"),
                         [](const auto& each) {
                           return std::string(each.param).find("timm") == std::string::npos ? "torchvision" : "timm";
                         });

TEST(VisionTransformerTest, WritesTorchvisionsNames) {
  const rensa::testing::ScratchFolder scratch;
  VisionTransformer model(kSmall);
  save_weights(model, scratch / "ours.safetensors");
  const SafetensorsReader ours(scratch / "ours.safetensors");
  const SafetensorsReader theirs(RENSA_SOURCE_DIR "/tests/golden/vision_transformer.safetensors");
  ASSERT_EQ(ours.tensors().size(), theirs.tensors().size());
  for (const auto& [name, tensor] : theirs.tensors()) {
    ASSERT_TRUE(ours.tensors().contains(name)) << name;
    EXPECT_EQ(ours.tensors().at(name).shape, tensor.shape) << name;
  }
}

TEST(VisionTransformerTest, EveryParameterHasAGradientAndACopyIsEqual) {
  VisionTransformer model(kSmall);
  Variable y = model(Variable(ones({2, 3, 24, 24})));
  EXPECT_EQ(y.shape(), Shape({2, 5}));
  y.set_grad(Variable(ones(y.shape())));
  y.backward();
  for (const Link::NamedParameter& named : model.named_parameters()) EXPECT_TRUE(named.parameter->grad()) << named.path;
  const auto copy = clone(model);
  const ConfigScope judged({.train = false});
  EXPECT_EQ(to_vector<float>((*copy)(Variable(ones({1, 3, 24, 24}))).array()),
            to_vector<float>(model(Variable(ones({1, 3, 24, 24}))).array()));
}

TEST(VisionTransformerTest, AnEmptyBatchHasGradientsOfZeros) {
  VisionTransformer model(kSmall);
  Variable y = model(Variable(zeros({0, 3, 24, 24})));
  EXPECT_EQ(y.shape(), Shape({0, 5}));
  y.set_grad(Variable(ones(y.shape())));
  y.backward();
  for (const Link::NamedParameter& named : model.named_parameters()) {
    ASSERT_TRUE(named.parameter->grad()) << named.path;
    for (const float value : to_vector<float>(named.parameter->grad())) ASSERT_EQ(value, 0) << named.path;
  }
}

TEST(VisionTransformerTest, RefusesSizesThatDoNotDivide) {
  EXPECT_THAT([] { VisionTransformer({.side = 30}); }, ThrowsMessage<ValueError>(HasSubstr("30 pixels")));
  EXPECT_THAT([] { VisionTransformer({.heads = 7}); }, ThrowsMessage<ValueError>(HasSubstr("7 heads")));
  VisionTransformer model(kSmall);
  EXPECT_THAT([&] { model(Variable(zeros({1, 3, 32, 32}))); }, ThrowsMessage<ShapeError>(HasSubstr("(1, 3, 32, 32)")));
}

}  // namespace
}  // namespace rensa::models
