// 100 steps of every update rule and hook against Chainer, PyTorch and the papers' formulas
// (scripts/oracle/make_rule_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "core/error.h"
#include "core/links/linear.h"
#include "core/optimizers/averaged_weights.h"
#include "core/optimizers/gradient_hooks.h"
#include "core/optimizers/layerwise.h"
#include "core/optimizers/make_optimizer.h"
#include "core/serializers/npz.h"
#include "tests/support/golden_file.h"
#include "tests/support/hashed_numbers.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Shape kShape = {3, 4};

double short_decimal(std::uint64_t stream, std::int64_t i) {
  return std::nearbyint(testing::HashedNumbers(stream).uniform(i) * 1024) / 1024;
}

Array hashed(std::uint64_t stream, std::int64_t first, Dtype dtype) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < total_size(kShape); ++i) values.push_back(short_decimal(stream, first + i));
  return array(values, kShape).to(dtype);
}

struct Matrix : Link {
  Parameter W;
  explicit Matrix(Dtype dtype) : W(kShape, init::zeros(), dtype) {
    add("W", W);
    W.array().copy_from(hashed(1, 0, dtype));
  }
};

OptimizerOptions options_of(const nlohmann::json& given) {
  OptimizerOptions o;
  const std::map<std::string, std::optional<double>*> places = {
      {"lr", &o.lr},       {"alpha", &o.alpha}, {"momentum", &o.momentum}, {"beta", &o.beta},
      {"beta1", &o.beta1}, {"beta2", &o.beta2}, {"rho", &o.rho},           {"eps", &o.eps},
      {"eta", &o.eta},     {"gamma", &o.gamma}, {"final_lr", &o.final_lr}, {"weight_decay_rate", &o.weight_decay_rate}};
  for (const auto& [key, value] : given.items()) *places.at(key) = value.get<double>();
  return o;
}

/// Chainer calls Adam's learning rate alpha.
OptimizerOptions chainers(const std::string& rule, OptimizerOptions o) {
  if (rule.starts_with("rmsprop") || !o.alpha) return o;
  o.lr = o.alpha;
  o.alpha.reset();
  return o;
}

Optimizer::Hook hook_of(const std::string& name, const std::vector<double>& v) {
  if (name == "gradient_clipping") return hooks::gradient_clipping(v[0]);
  if (name == "gradient_hard_clipping") return hooks::gradient_hard_clipping(v[0], v[1]);
  if (name == "gradient_lars") return hooks::gradient_lars(v[0], v[1]);
  if (name == "lasso") return hooks::lasso(v[0]);
  return hooks::weight_decay(v[0]);
}

struct Source {
  std::string name;
  Dtype dtype;
};
void PrintTo(const Source& source, std::ostream* out) { *out << source.name << " in " << source.dtype; }

class RuleGoldenTest : public ::testing::TestWithParam<Source> {};
INSTANTIATE_TEST_SUITE_P(Oracles, RuleGoldenTest,
                         ::testing::Values(Source{"chainer", Dtype::kFloat64}, Source{"chainer", Dtype::kFloat32},
                                           Source{"pytorch", Dtype::kFloat64}, Source{"pytorch", Dtype::kFloat32},
                                           Source{"papers", Dtype::kFloat64}, Source{"papers", Dtype::kFloat32}));

TEST_P(RuleGoldenTest, AHundredStepsAreTheOracles) {
  const nlohmann::json file = testing::golden_file("rules_" + GetParam().name);
  const Dtype dtype = GetParam().dtype;
  for (const auto& golden : file.at("cases")) {
    const std::string rule = golden.at("rule");
    SCOPED_TRACE(rule + golden.value("hook", std::string()));
    Matrix model(dtype);
    const auto optimizer = make_optimizer(rule, chainers(rule, options_of(golden.at("options"))));
    if (golden.contains("hook")) optimizer->add_hook("hook", hook_of(golden.at("hook"), golden.at("values")));
    optimizer->setup(model);
    std::unique_ptr<AveragedWeights> average;
    if (golden.contains("average")) {
      average = std::make_unique<AveragedWeights>(model, AveragedWeightsOptions{.decay = golden.at("average")});
    }
    std::size_t kept = 0;
    for (std::int64_t step = 1; step <= 100; ++step) {
      model.W.set_grad(Variable(hashed(2, (step - 1) * total_size(kShape), dtype)));
      optimizer->update();
      if (average) average->update();
      if (step != file.at("kept")[kept]) continue;
      if (average) average->swap();
      const Array expected = array(golden.at("p")[kept++].get<std::vector<double>>(), kShape);
      // Differences of differences lose digits: Graves' variance and SMORMS3's memory amplify float32's.
      const double tolerance = dtype == Dtype::kFloat64 ? 1e-11 : 1e-5;
      EXPECT_TRUE(testing::near(model.W.array().to(Dtype::kFloat64), expected, tolerance)) << "step " << step;
      if (average) average->swap();
    }
  }
}

TEST(GradientHooksTest, ChangeGradientsIn16Bits) {
  struct Case {
    const char* name;
    std::vector<double> values;
  };
  for (const Case& each : {Case{"gradient_clipping", {0.5}}, Case{"gradient_hard_clipping", {-0.25, 0.125}},
                           Case{"gradient_lars", {0.01, 0.5}}, Case{"lasso", {0.5}}, Case{"weight_decay", {0.5}}}) {
    SCOPED_TRACE(each.name);
    const auto step = [&](Dtype dtype) {
      Matrix model(dtype);
      const auto optimizer = make_optimizer("sgd", {.lr = 1.0});
      optimizer->add_hook("hook", hook_of(each.name, each.values));
      optimizer->setup(model);
      model.W.set_grad(Variable(hashed(2, 0, dtype)));
      optimizer->update();
      return model.W.array().to(Dtype::kFloat64);
    };
    const Array single = step(Dtype::kFloat32);
    EXPECT_TRUE(testing::near(step(Dtype::kBFloat16), single, 0.03));
    EXPECT_TRUE(testing::near(step(Dtype::kFloat16), single, 0.004));
  }
}

TEST(GradientNoiseTest, AddsNoiseThatFallsWithTime) {
  Matrix model(Dtype::kFloat64);
  const auto optimizer = make_optimizer("sgd", {.lr = 1.0});
  optimizer->add_hook("noise", hooks::gradient_noise(0.01, 3));
  optimizer->setup(model);
  const std::vector<double> before = to_vector<double>(model.W.array());
  optimizer->update();  // a gradient of zeros
  const std::vector<double> after = to_vector<double>(model.W.array());
  double squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i) squares += (after[i] - before[i]) * (after[i] - before[i]);
  EXPECT_GT(squares, 0.01 * 12 / 5);  // variance 0.01 each
  EXPECT_LT(squares, 0.01 * 12 * 5);
  EXPECT_THROW(hooks::gradient_hard_clipping(1, 0), ValueError);
}

TEST(AdafactorTest, KeepsRowsAndColumnsAloneAndSavesThem) {
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.npz").string();
  Matrix model(Dtype::kFloat32), again(Dtype::kFloat32);
  Adafactor first, second;
  first.setup(model);
  second.setup(again);
  const auto step = [](Matrix& m, Adafactor& optimizer, std::int64_t t) {
    m.W.set_grad(Variable(hashed(2, t * total_size(kShape), Dtype::kFloat32)));
    optimizer.update();
  };
  for (std::int64_t t = 0; t < 3; ++t) step(model, first, t);
  EXPECT_EQ(first.state_bytes(), (3 + 4) * sizeof(float));
  NpzWriter writer;
  first.serialize(writer.child("optimizer"));
  model.serialize(writer.child("model"));
  writer.save(path);
  NpzReader reader(path);
  again.serialize(reader.child("model"));
  second.serialize(reader.child("optimizer"));
  step(model, first, 3);
  step(again, second, 3);
  EXPECT_EQ(to_vector<float>(model.W.array()), to_vector<float>(again.W.array()));
}

TEST(AveragedWeightsTest, ScopeLendsTheMeansToTheModelAndTakesThemBack) {
  Matrix model(Dtype::kFloat64);
  AveragedWeights average(model, {.decay = -1});
  model.W.array().fill(1);
  average.update();
  model.W.array().fill(4);
  average.update();
  {
    const AveragedWeights::Scope scope(average);
    EXPECT_THAT(to_vector<double>(model.W.array()), ::testing::Each(2.5));
  }
  EXPECT_THAT(to_vector<double>(model.W.array()), ::testing::Each(4));
  EXPECT_THAT([&] { AveragedWeights(model, {.decay = 2}); }, ThrowsMessage<ValueError>(HasSubstr("decay is 2")));
}

/// One parameter from the start, and one that is initialised later.
struct Late : Link {
  Parameter early{{2}, init::ones()}, late{init::zeros()};
  Late() {
    add("early", early);
    add("late", late);
  }
};

TEST(AveragedWeightsTest, AParameterThatJoinsLaterHasAMeanOfItsOwnValues) {
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.npz").string();
  Late model, again;
  AveragedWeights average(model, {.decay = -1}), resumed(again, {.decay = -1});
  for (int i = 0; i < 9; ++i) average.update();
  model.late.initialize({3});
  again.late.initialize({3});
  model.late.array().fill(1);
  average.update();
  NpzWriter writer;
  average.serialize(writer);
  writer.save(path);
  NpzReader reader(path);
  resumed.serialize(reader);
  for (auto* each : {&model, &again}) {
    each->late.array().fill(3);
    each->early.array().fill(12);
  }
  average.update();
  resumed.update();
  average.swap();
  resumed.swap();
  for (const auto* each : {&model, &again}) {
    EXPECT_THAT(to_vector<float>(each->late.array()), ::testing::Each(2.0f));
    EXPECT_THAT(to_vector<float>(each->early.array()), ::testing::Each(::testing::FloatEq(2)));  // 10 × 1 and 12
  }
}

TEST(AveragedWeightsTest, OlderSnapshotsHaveOneCountForAll) {
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.npz").string();
  NpzWriter writer;
  std::int64_t count = 3;
  Array mean = full({2}, 5);
  writer("seen", count);
  writer("count", count);
  writer("early/average", mean);
  writer.save(path);
  Late model;
  AveragedWeights average(model, {.decay = -1});
  NpzReader reader(path);
  average.serialize(reader);
  average.update();
  average.swap();
  EXPECT_THAT(to_vector<float>(model.early.array()), ::testing::Each(4.0f));  // 3 × 5 and 1
}

TEST(AveragedWeightsTest, ALayerThatIsTakenAwayIsForgotten) {
  const auto linear = [] { return std::make_unique<Linear>(LinearOptions{.in = 3, .out = 2}); };
  Sequential model(linear(), linear());
  AveragedWeights average(model, {.decay = -1});
  average.update();
  model.remove(1);
  average.update();
  const AveragedWeights::Scope scope(average);
  EXPECT_EQ(average.count(), 2);
}

TEST(AveragedWeightsTest, MeansOf16BitParametersMoveBySmallShares) {
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
    Matrix model(dtype);
    AveragedWeights average(model, {.decay = 0.9995});
    model.W.array().fill(1);
    average.update();
    model.W.array().fill(2);
    for (int i = 0; i < 1000; ++i) {
      average.update();
      const AveragedWeights::Scope scope(average);  // lending takes nothing from the means
    }
    EXPECT_THAT(to_vector<float>(model.W.array().to(Dtype::kFloat32)), ::testing::Each(2));
    average.swap();
    EXPECT_NEAR(model.W.array().slice(0, {.stop = 1}).slice(1, {.stop = 1}).item<double>(), 2 - std::pow(0.9995, 1000),
                0.005);
  }
}

}  // namespace
}  // namespace rensa
