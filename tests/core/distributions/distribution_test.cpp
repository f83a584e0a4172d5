#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <ostream>

#include "core/autograd/gradient_check.h"
#include "core/device/random.h"
#include "core/distributions/discrete.h"
#include "core/distributions/divergence.h"
#include "core/distributions/independent.h"
#include "core/distributions/location_scale.h"
#include "core/distributions/normal.h"
#include "core/distributions/positive.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "core/serializers/npz.h"
#include "tests/support/golden_file.h"

namespace rensa::distributions {
namespace {

namespace F = functions;
using ::rensa::testing::near;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Made = std::shared_ptr<const Distribution>;

struct Family {
  const char* name;
  std::function<Made(const Variables&)> make;
};
void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

template <class F1>
Family one(const char* name) {
  return {name, [](const Variables& p) { return std::make_shared<const F1>(p[0]); }};
}
template <class F2>
Family two(const char* name) {
  return {name, [](const Variables& p) { return std::make_shared<const F2>(p[0], p[1]); }};
}

class DistributionTest : public ::testing::TestWithParam<Family> {
 protected:
  DistributionTest() : file(RENSA_SOURCE_DIR "/tests/golden/distributions.npz") {}
  bool has(const std::string& key) const { return file.has(GetParam().name + ("/" + key)); }
  Array golden(const std::string& key) const { return file.array(GetParam().name + ("/" + key)); }
  Variables parameters(const std::string& prefix) const {
    Variables found;
    for (int i = 0; has(prefix + std::to_string(i)); ++i) found.emplace_back(golden(prefix + std::to_string(i)), true);
    return found;
  }
  Made make(const std::string& prefix = "p") const { return GetParam().make(parameters(prefix)); }

  NpzReader file;
};

TEST_P(DistributionTest, EqualsPyTorch) {
  const Made p = make();
  EXPECT_STREQ(p->name(), GetParam().name);
  const Variable x(golden("x"));
  EXPECT_TRUE(near(p->log_prob(x).array(), golden("log_prob"), 1e-12));
  EXPECT_TRUE(near(F::log(p->prob(x)).array(), golden("log_prob"), 1e-12));
  if (has("mean")) {
    EXPECT_TRUE(near(p->mean().array(), golden("mean"), 1e-12));
  }
  if (has("variance")) {
    EXPECT_TRUE(near(p->variance().array(), golden("variance"), 1e-12));
  }
  if (has("entropy")) {
    EXPECT_TRUE(near(p->entropy().array(), golden("entropy"), 1e-12));
  }
  if (!has("cdf")) return;
  EXPECT_TRUE(near(p->cdf(x).array(), golden("cdf"), 1e-12));
  EXPECT_TRUE(near(F::exp(p->log_cdf(x)).array(), golden("cdf"), 1e-12));
  EXPECT_TRUE(near((1.0 - p->survival_function(x)).array(), golden("cdf"), 1e-12));
  EXPECT_TRUE(near(p->icdf(Variable(golden("share"))).array(), golden("icdf"), 1e-10));
}

TEST_P(DistributionTest, DivergenceEqualsPyTorch) {
  const Made p = make(), q = make("q");
  EXPECT_TRUE(near(kl_divergence(*p, *q).array(), golden("kl"), 1e-12));
  EXPECT_TRUE(near(kl_divergence(*p, *p).array(), zeros(golden("kl").shape(), Dtype::kFloat64), 1e-12));
  if (has("entropy")) {
    EXPECT_TRUE(near(cross_entropy(*p, *q).array(), (p->entropy() + Variable(golden("kl"))).array(), 1e-12));
  }
}

TEST_P(DistributionTest, GradientsMatchCentralDifferences) {
  std::vector<Array> inputs;
  for (const Variable& each : parameters("p")) inputs.push_back(each.array());
  const Array x = golden("x");
  if (std::string(GetParam().name) == "Uniform") return;  // the edges of its support are its parameters
  check_gradient([&](const Variables& p) { return Variables{GetParam().make(p)->log_prob(Variable(x))}; }, inputs);
  const Made q = make("q");
  check_gradient([&](const Variables& p) { return Variables{kl_divergence(*GetParam().make(p), *q)}; }, inputs);
}

/// Means of many samples lie where the formulas say.
TEST_P(DistributionTest, SamplesHaveItsMoments) {
  constexpr std::int64_t kSamples = 20000;
  random_context() = {.seed = 11, .step = 1, .first_sample = 0, .uses = 0};
  const Made p = make();
  const Variable x = p->sample_n(kSamples);
  Shape expected = {kSamples};
  for (const std::int64_t size : p->batch_shape()) expected.push_back(size);
  for (const std::int64_t size : p->event_shape()) expected.push_back(size);
  EXPECT_EQ(x.shape(), expected);
  EXPECT_EQ(p->sample({2, 3}).shape()[1], 3);
  if (!has("mean")) return;
  const std::vector<double> mean = to_vector<double>(F::mean(x, {0}).array()),
                            wanted = to_vector<double>(golden("mean"));
  const std::vector<double> variance = to_vector<double>(golden("variance"));
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (std::isfinite(variance[i])) {
      EXPECT_NEAR(mean[i], wanted[i], 5 * std::sqrt(variance[i] / kSamples));
    }
  }
  random_context() = {.seed = 11, .step = 1, .first_sample = 0, .uses = 0};
  EXPECT_EQ(to_vector<double>(p->sample_n(kSamples).array()), to_vector<double>(x.array()));
}

TEST_P(DistributionTest, SamplesCarryGradientsWhereItSaysSo) {
  if (make()->has_rsample()) {
    EXPECT_TRUE(make()->sample_n(2).requires_grad());
  }
}

TEST_P(DistributionTest, ComputesInFloat32Too) {
  Variables narrow;
  for (const Variable& each : parameters("p")) narrow.emplace_back(each.array().to(Dtype::kFloat32), true);
  const Made p = GetParam().make(narrow);
  const Variable log_prob = p->log_prob(Variable(golden("x").to(Dtype::kFloat32)));
  EXPECT_EQ(log_prob.dtype(), Dtype::kFloat32);
  EXPECT_TRUE(near(log_prob.array(), golden("log_prob"), 1e-4));
}

INSTANTIATE_TEST_SUITE_P(Families, DistributionTest,
                         ::testing::Values(two<Normal>("Normal"), two<LogNormal>("LogNormal"),
                                           two<MultivariateNormal>("MultivariateNormal"), two<Cauchy>("Cauchy"),
                                           two<Gumbel>("Gumbel"), two<Laplace>("Laplace"), two<Uniform>("Uniform"),
                                           two<Beta>("Beta"), one<Dirichlet>("Dirichlet"),
                                           one<Exponential>("Exponential"), two<Gamma>("Gamma"),
                                           one<Chisquare>("Chisquare"), two<Pareto>("Pareto"),
                                           one<Bernoulli>("Bernoulli"), one<Categorical>("Categorical"),
                                           one<OneHotCategorical>("OneHotCategorical"), one<Geometric>("Geometric"),
                                           one<Poisson>("Poisson")),
                         [](const auto& each) { return std::string(each.param.name); });

Variable numbers(std::initializer_list<double> values) { return Variable(array(values)); }

TEST(DistributionsTest, LogitsAndSharesAreTheSame) {
  const Variable p = numbers({0.2, 0.7}), x = numbers({1, 0});
  EXPECT_TRUE(
      near(Bernoulli::of_logits(F::log(p / (1.0 - p))).log_prob(x).array(), Bernoulli(p).log_prob(x).array(), 1e-14));
  const Variable shares = numbers({0.2, 0.5, 0.3});
  EXPECT_TRUE(
      near(Categorical::of_logits(F::log(shares) + 3.0).log_p.array(), Categorical(shares).log_p.array(), 1e-14));
}

TEST(DistributionsTest, SureThingsHaveNoEntropyAndFiniteProbabilities) {
  const Categorical sure(numbers({0, 1, 0}));
  EXPECT_EQ(sure.entropy().item<double>(), 0);
  EXPECT_EQ(sure.log_prob(Variable(full({}, 1, Dtype::kFloat64))).item<double>(), 0);
}

TEST(DistributionsTest, WhatIsOutsideTheSupportIsImpossible) {
  EXPECT_THAT(to_vector<double>(Uniform(numbers({0}), numbers({1})).prob(numbers({-0.5, 1.5})).array()), Each(0.0));
  EXPECT_THAT(to_vector<double>(Pareto(numbers({1}), numbers({2})).prob(numbers({0.5})).array()), Each(0.0));
  EXPECT_TRUE(std::isinf(
      kl_divergence(Uniform(numbers({0}), numbers({2})), Uniform(numbers({0}), numbers({1}))).item<double>()));
}

TEST(DistributionsTest, CauchyHasNoMean) {
  EXPECT_TRUE(std::isnan(Cauchy(numbers({0}), numbers({1})).mean().item<double>()));
}

TEST(DistributionsTest, ParametersAreBroadcastAndPromoted) {
  const Normal p(Variable(zeros({3, 1})), numbers({1, 2}));
  EXPECT_EQ(p.batch_shape(), (Shape{3, 2}));
  EXPECT_EQ(p.loc.dtype(), Dtype::kFloat64);
  EXPECT_EQ(p.sample({5}).shape(), (Shape{5, 3, 2}));
}

TEST(IndependentTest, SumsOverTheLastAxesOfTheBatch) {
  const Normal each(Variable(random_array({4, 3}, 1)), Variable(ones({4, 3}, Dtype::kFloat64)));
  const Independent joint = independent(each, 1);
  const Variable x(random_array({4, 3}, 2));
  EXPECT_EQ(joint.batch_shape(), (Shape{4}));
  EXPECT_EQ(joint.event_shape(), (Shape{3}));
  EXPECT_TRUE(near(joint.log_prob(x).array(), F::sum(each.log_prob(x), {1}).array(), 1e-14));
  EXPECT_TRUE(near(kl_divergence(joint, joint).array(), zeros({4}, Dtype::kFloat64), 1e-14));
  EXPECT_THAT([&] { independent(each, 3); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("Normal"), HasSubstr("(4, 3)"))));
}

TEST(DivergenceTest, NamesFamiliesWithoutARuleAndTakesNewOnes) {
  const Exponential p(numbers({2}));
  const Gamma q(numbers({1}), numbers({0.5}));  // the same distribution
  EXPECT_THAT([&] { kl_divergence(p, q); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("Exponential"), HasSubstr("Gamma"))));
  register_kl<Exponential, Gamma>([](const Exponential& a, const Gamma& b) {
    return kl_divergence(Gamma(Variable(ones(a.lam.shape(), a.lam.dtype())), 1.0 / a.lam), b);
  });
  EXPECT_NEAR(kl_divergence(p, q).item<double>(), 0, 1e-14);
}

TEST(DistributionsTest, NamesWhatHasNoClosedForm) {
  EXPECT_THAT([] { Poisson(numbers({2})).entropy(); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("Poisson"), HasSubstr("entropy"))));
  EXPECT_THAT([] { MultivariateNormal(numbers({1, 2}), numbers({1, 2})); },
              ThrowsMessage<ShapeError>(HasSubstr("(…, d, d)")));
}

}  // namespace
}  // namespace rensa::distributions
