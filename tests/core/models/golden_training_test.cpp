#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include "core/autograd/inference_mode.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/models/mlp.h"
#include "core/models/resnet.h"
#include "core/models/vgg_cifar.h"
#include "core/optimizers/momentum_sgd.h"
#include "tests/support/training_golden.h"

namespace rensa {
namespace {

using MakeModel = std::function<std::unique_ptr<UnaryLink>(const nlohmann::json& settings, Dtype dtype)>;

std::unique_ptr<UnaryLink> make_mlp(const nlohmann::json& s, Dtype dtype) {
  return std::make_unique<models::Mlp>(
      models::MlpOptions{.in = 784, .units = s.at("units"), .out = s.at("classes"), .dtype = dtype});
}

std::unique_ptr<UnaryLink> make_vgg(const nlohmann::json& s, Dtype dtype) {
  models::VggCifarOptions options{.classes = s.at("classes"), .widths = {}, .eps = 1e-5, .dtype = dtype};
  for (std::size_t i = 0; i + 1 < s.at("widths").size(); i += 3) options.widths.push_back(s.at("widths")[i]);
  return std::make_unique<models::VggCifar>(options);
}

std::unique_ptr<UnaryLink> make_resnet18(const nlohmann::json& s, Dtype dtype) {
  return models::resnet18({.classes = s.at("classes"), .width = s.at("width"), .eps = 1e-5, .dtype = dtype});
}

/// Trains from PyTorch's weights on PyTorch's batches; the loss of every step.
std::vector<double> losses(const std::string& network, const MakeModel& make, Dtype dtype, int steps,
                           double* gradient_difference = nullptr, double* evaluation_loss = nullptr) {
  const testing::TrainingGolden golden(network);
  const auto model = make(golden.settings(), dtype);
  golden.set_parameters(*model, dtype);
  MomentumSgd optimizer({.lr = golden.learning_rate(), .momentum = golden.momentum()});
  optimizer.setup(*model);
  std::vector<double> result;
  for (int step = 0; step < steps; ++step) {
    const Variable loss = functions::softmax_cross_entropy((*model)(golden.input(step, dtype)), golden.labels(step));
    result.push_back(loss.item<double>());
    loss.backward();
    if (step == 0 && gradient_difference) {
      std::string where;
      *gradient_difference = golden.gradient_difference(*model, &where);
      SCOPED_TRACE(where);
    }
    optimizer.update();
  }
  if (evaluation_loss) {
    const InferenceMode scope;
    *evaluation_loss =
        functions::softmax_cross_entropy((*model)(golden.input(0, dtype)), golden.labels(0)).item<double>();
  }
  return result;
}

void expect_like_pytorch(const std::string& network, const MakeModel& make) {
  const testing::TrainingGolden golden(network);
  double evaluation_loss = 0;
  const std::vector<double> exact = losses(network, make, Dtype::kFloat64, 100, nullptr, &evaluation_loss);
  const std::vector<double> expected = golden.losses(Dtype::kFloat64);
  ASSERT_GE(expected.size(), exact.size());
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_LE(std::abs(exact[i] - expected[i]), 1e-8 * std::max(1.0, std::abs(expected[i]))) << "step " << i;
  }
  EXPECT_NEAR(evaluation_loss, golden.evaluation_loss(), 1e-8);

  double difference = 0;
  const std::vector<double> found = losses(network, make, Dtype::kFloat32, 10, &difference);
  EXPECT_LE(difference, 1e-4) << "the gradients of step 1";
  const std::vector<double> expected_f32 = golden.losses(Dtype::kFloat32);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_LE(std::abs(found[i] - expected_f32[i]), 1e-3) << "step " << i;
}

TEST(GoldenTrainingMlpTest, LossesAndGradientsEqualPyTorchs) { expect_like_pytorch("mlp", make_mlp); }
TEST(GoldenTrainingVggCifarTest, LossesAndGradientsEqualPyTorchs) { expect_like_pytorch("vgg_cifar", make_vgg); }
TEST(GoldenTrainingResNet18Test, LossesAndGradientsEqualPyTorchs) { expect_like_pytorch("resnet18", make_resnet18); }

TEST(GoldenTrainingMlpTest, AGradientThatIsNotANumberIsTheWorst) {
  const testing::TrainingGolden golden("mlp");
  const auto model = make_mlp(golden.settings(), Dtype::kFloat64);
  golden.set_parameters(*model, Dtype::kFloat64);
  double element = std::nan("");  // of the first parameter alone
  for (const auto& [path, parameter] : model->named_parameters()) {
    parameter->set_grad(Variable(full(parameter->shape(), std::exchange(element, 0.0), Dtype::kFloat64)));
  }
  std::string where;
  EXPECT_TRUE(std::isnan(golden.gradient_difference(*model, &where)));
  EXPECT_EQ(where, "l1/W");
}

}  // namespace
}  // namespace rensa
