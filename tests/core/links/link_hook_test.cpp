#include "core/links/link_hook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/autograd/inference_mode.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/forget.h"
#include "core/functions/linear_algebra.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "core/links/normalized_convolution.h"
#include "core/links/weight_hooks.h"
#include "core/serializers/npz.h"
#include "tests/support/golden_file.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

class Recorder final : public LinkHook {
 public:
  Recorder(std::string name, std::vector<std::string>& events) : name_(std::move(name)), events_(events) {}
  std::string_view name() const override { return name_; }
  void added(Link&) override { events_.push_back(name_ + " added"); }
  void removed(Link&) override { events_.push_back(name_ + " removed"); }
  void before_forward(Link&, const Variable& x) override {
    events_.push_back(name_ + " before " + std::to_string(x.size()));
  }
  void after_forward(Link&, const Variable& y) override {
    events_.push_back(name_ + " after " + std::to_string(y.size()));
  }
  void failed_forward(Link&) noexcept override { events_.push_back(name_ + " failed"); }

 private:
  const std::string name_;
  std::vector<std::string>& events_;
};

Variable batch(std::int64_t rows, std::int64_t features, Dtype dtype = Dtype::kFloat32) {
  return random_array({rows, features}, 7, dtype);
}

TEST(LinkHookTest, HooksAreCalledInOrderAndBackTheThreadsOutside) {
  std::vector<std::string> events;
  Linear link({.in = 4, .out = 3});
  link.add_hook(std::make_shared<Recorder>("a", events));
  link.add_hook(std::make_shared<Recorder>("b", events));
  Recorder outside("thread", events);
  {
    const LinkHookScope scope(outside);
    link(batch(2, 4));
  }
  link.remove_hook("a");
  link(batch(1, 4));
  EXPECT_THAT(events, ElementsAre("a added", "b added", "thread before 8", "a before 8", "b before 8", "b after 6",
                                  "a after 6", "thread after 6", "a removed", "b before 4", "b after 3"));
}

TEST(LinkHookTest, AForwardPassThatThrowsTellsTheHooks) {
  std::vector<std::string> events;
  Linear link({.in = 4, .out = 3});
  link.add_hook(std::make_shared<Recorder>("a", events));
  EXPECT_THROW(link(batch(2, 5)), ShapeError);
  EXPECT_THAT(events, ElementsAre("a added", "a before 10", "a failed"));
}

TEST(LinkHookTest, NamesOfHooksAreTakenOnce) {
  std::vector<std::string> events;
  Linear link({.in = 4, .out = 3});
  link.add_hook(std::make_shared<Recorder>("a", events));
  EXPECT_THAT([&] { link.add_hook(std::make_shared<Recorder>("a", events)); },
              ThrowsMessage<ValueError>(HasSubstr("\"a\" already")));
  EXPECT_THAT([&] { link.remove_hook("b"); }, ThrowsMessage<ValueError>(HasSubstr("no hook named \"b\"")));
  EXPECT_NE(link.hook("a"), nullptr);
  EXPECT_EQ(link.hook("b"), nullptr);
}

TEST(LinkHookTest, TheTimerCountsLinksByClass) {
  const Sequential model(std::make_unique<Linear>(LinearOptions{.in = 4, .out = 3}), functions::relu,
                         std::make_unique<Linear>(LinearOptions{.in = 3, .out = 2}));
  LinkTimerHook timer;
  {
    const LinkHookScope scope(timer);
    const_cast<Sequential&>(model)(batch(2, 4));
  }
  EXPECT_THAT(timer.entries(), UnorderedElementsAre(Key("Linear"), Key("Sequential")));
  EXPECT_EQ(timer.entries().at("Linear").forwards, 2u);
  EXPECT_EQ(timer.entries().at("Sequential").forwards, 1u);
  EXPECT_EQ(timer.total_time_s(), timer.entries().at("Sequential").forward_s);
  EXPECT_GE(timer.entries().at("Sequential").forward_s, timer.entries().at("Linear").forward_s);
  std::ostringstream table;
  timer.report(table);
  EXPECT_THAT(table.str(), HasSubstr("Sequential"));
}

double norm_of(Linear& link, std::int64_t features) {  // of the matrix that the link computes with
  Array identity = zeros({features, features}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < features; ++i) identity.select(0, i).select(0, i).fill(1);
  const NoBackpropMode scope;
  return functions::svd(link(Variable(identity)).array()).s.select(0, 0).item<double>();
}

Linear& with(Linear& link, const SpectralNormalizationOptions& options) {
  link.add_hook(std::make_shared<SpectralNormalization>(options));
  return link;
}

TEST(SpectralNormalizationTest, TheLargestSingularValueBecomesOne) {
  seed_parameters(1);
  Linear link({.in = 5, .out = 4, .bias = false, .dtype = Dtype::kFloat64});
  with(link, {.n_power_iteration = 200});
  EXPECT_NEAR(norm_of(link, 5), 1, 1e-5);
}

TEST(SpectralNormalizationTest, TheApproximationImprovesInTrainingOnly) {
  seed_parameters(1);
  Linear link({.in = 5, .out = 4, .bias = false, .dtype = Dtype::kFloat64});
  with(link, {});
  const Array& u = *link.named_persistents().at(0).array;
  const std::vector<double> drawn = to_vector<double>(u);
  {
    const ConfigScope evaluating({.train = false, .enable_backprop = false});
    link(batch(2, 5, Dtype::kFloat64));
  }
  EXPECT_EQ(to_vector<double>(u), drawn);
  for (int i = 0; i < 200; ++i) link(batch(2, 5, Dtype::kFloat64));
  EXPECT_NE(to_vector<double>(u), drawn);
  EXPECT_NEAR(norm_of(link, 5), 1, 1e-5);
}

TEST(SpectralNormalizationTest, GammaStartsAtTheSingularValueAndIsTrained) {
  seed_parameters(1);
  Linear link({.in = 5, .out = 4, .bias = false, .dtype = Dtype::kFloat64});
  const double before = norm_of(link, 5);
  with(link, {.n_power_iteration = 200, .use_gamma = true});
  EXPECT_NEAR(norm_of(link, 5), before, 1e-5 * before);
  functions::sum(link(batch(2, 5, Dtype::kFloat64))).backward();
  ASSERT_EQ(link.named_parameters().size(), 2u);
  EXPECT_EQ(link.named_parameters()[1].path, "gamma");
  EXPECT_TRUE(link.named_parameters()[1].parameter->grad());
  link.remove_hook("SpectralNormalization");
  EXPECT_EQ(link.named_parameters().size(), 1u);
  EXPECT_TRUE(link.named_persistents().empty());
}

TEST(SpectralNormalizationTest, IsRefusedWhereItCannotBe) {
  Linear link({.in = 5, .out = 4});
  EXPECT_THAT([] { SpectralNormalization({.n_power_iteration = 0}); },
              ThrowsMessage<ValueError>(HasSubstr("at least 1")));
  EXPECT_THAT([&] { with(link, {.weight_name = "V"}); }, ThrowsMessage<ValueError>(HasSubstr("no parameter \"V\"")));
  const auto hook = std::make_shared<SpectralNormalization>();
  link.add_hook(hook);
  Linear other({.in = 5, .out = 4});
  EXPECT_THAT([&] { other.add_hook(hook); }, ThrowsMessage<ValueError>(HasSubstr("one for each link")));
  EXPECT_TRUE(other.hooks().empty());
}

TEST(SpectralNormalizationTest, ASnapshotKeepsTheApproximation) {
  const testing::ScratchFolder folder;
  const std::string path = folder.path() / "link.npz";
  seed_parameters(1);
  Linear saved({.in = 5, .out = 4});
  with(saved, {.use_gamma = true});
  saved(batch(2, 5));
  NpzWriter writer;
  saved.serialize(writer);
  writer.save(path);
  seed_parameters(2);
  Linear loaded({.in = kLazySize, .out = 4});
  with(loaded, {.use_gamma = true});
  NpzReader reader(path);
  loaded.serialize(reader);
  EXPECT_EQ(to_vector<float>(loaded(batch(2, 5)).array()), to_vector<float>(saved(batch(2, 5)).array()));
}

// The weight is the function's input here: it goes through the link as its parameter.
Variable through(Linear& link, const Variable& W, const Variable& x) {
  Variable own = link.W.stand_in(W);
  const Variable y = link(x);
  link.W.stand_in(own);
  return y;
}

TEST(SpectralNormalizationTest, HasBothGradientsWhereTheVectorsHaveSettled) {
  // σ's derivative through u and v vanishes only where they are singular vectors
  seed_parameters(3);
  Linear link({.in = 4, .out = 3, .bias = false, .dtype = Dtype::kFloat64});
  with(link, {.n_power_iteration = 400, .eps = 0});
  const Array x = batch(2, 4, Dtype::kFloat64).array(), W = link.W.array().copy();
  const ConfigScope evaluating({.train = false});
  const auto f = [&](const Variables& in) { return Variables{through(link, in[0], in[1])}; };
  check_gradient(f, {W, x}, {.atol = 1e-5, .rtol = 1e-4});
  // the gradient takes u and v for constants, and so must the differences of it
  const ConfigScope with_the_last_vectors({.train = false, .in_recomputing = true});
  check_double_gradient(f, {W, x});
}

TEST(WeightStandardizationTest, HasBothGradientsAndEqualWeightsGiveNoNumberThatIsNone) {
  Linear link({.in = 4, .out = 3, .bias = false, .dtype = Dtype::kFloat64});
  link.add_hook(std::make_shared<WeightStandardization>());
  const Array x = batch(2, 4, Dtype::kFloat64).array(), W = link.W.array().copy();
  const auto f = [&](const Variables& in) { return Variables{through(link, in[0], in[1])}; };
  check_gradient(f, {W, x});
  check_double_gradient(f, {W, x});
  link.W.array().slice(0, {0, 1}).fill(0.25);
  functions::sum(link(Variable(x)) * batch(2, 3, Dtype::kFloat64)).backward();
  for (double g : to_vector<double>(link.W.grad())) EXPECT_TRUE(std::isfinite(g));
}

TEST(WeightHookTest, HooksOfOneWeightFollowEachOther) {
  seed_parameters(1);
  Linear link({.in = 5, .out = 4, .bias = false, .dtype = Dtype::kFloat64});
  link.add_hook(std::make_shared<WeightStandardization>());
  with(link, {.n_power_iteration = 200});
  const std::vector<double> before = to_vector<double>(link.W.array());
  EXPECT_NEAR(norm_of(link, 5), 1, 1e-5);
  EXPECT_EQ(to_vector<double>(link.W.array()), before);
  EXPECT_THROW(link(batch(2, 6, Dtype::kFloat64)), ShapeError);
  EXPECT_EQ(to_vector<double>(link.W.array()), before) << "the parameter is back after an error";
}

TEST(WeightHookTest, ARecomputedForwardPassTakesTheSameVectors) {
  const auto gradient = [](bool forget) {
    seed_parameters(1);
    Linear link({.in = 5, .out = 4, .dtype = Dtype::kFloat64});
    with(link, {});
    const Variable x(batch(2, 5, Dtype::kFloat64).array(), true);
    const std::function<Variable(const Variable&)> f = [&](const Variable& in) { return link(in); };
    const Variable y = forget ? functions::forget(f, x) : f(x);
    functions::sum(y * y).backward();
    return to_vector<double>(link.W.grad());
  };
  EXPECT_EQ(gradient(true), gradient(false));
}

TEST(WeightHookTest, AFoldedConvolutionKeepsItsHooks) {
  seed_parameters(1);
  Convolution2D convolution({.in = 2, .out = 3, .kernel = {3, 3}});
  BatchNormalization normalization({.size = 3});
  convolution.add_hook(std::make_shared<WeightStandardization>());
  const Variable x = random_array({2, 2, 5, 5}, 5, Dtype::kFloat32);
  const ConfigScope evaluating({.train = false, .enable_backprop = false});
  const Array expected = normalized_convolution(convolution, normalization, x).array();
  const InferenceMode scope;
  EXPECT_TRUE(testing::near(normalized_convolution(convolution, normalization, x).array(), expected, 1e-6));
}

}  // namespace
}  // namespace rensa
