#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <ostream>

#include "core/array/logic.h"
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
#include "tests/support/emulated_gpu.h"
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

/// What a family adds to its parameters, and what it draws, lies beside them.
TEST_P(DistributionTest, IsTheSameOnAGpu) {
  const ::rensa::testing::EmulatedGpus gpus;
  const Device gpu{DeviceKind::kCuda, 0};
  const auto answers_on = [&](Device device) {
    const auto made = [&](const std::string& prefix) {
      Variables moved;
      for (const Variable& each : parameters(prefix)) moved.emplace_back(each.array().to(device));
      return GetParam().make(moved);
    };
    const Made p = made("p"), q = made("q");
    const Variable x(golden("x").to(device));
    random_context() = {.seed = 11, .step = 1, .first_sample = 0, .uses = 0};
    Variables answers = {p->sample_n(3)};
    if (std::string(p->name()) == "MultivariateNormal") return answers;  // solve is refused
    answers.insert(answers.end(), {p->log_prob(x), kl_divergence(*p, *q)});
    if (has("mean")) answers.insert(answers.end(), {p->mean(), p->variance()});
    if (has("entropy")) answers.push_back(p->entropy());
    if (has("cdf")) answers.insert(answers.end(), {p->cdf(x), p->icdf(Variable(golden("share").to(device)))});
    try {
      answers.push_back(p->mode());
    } catch (const ValueError&) {
      // it has none
    }
    return answers;
  };
  const Variables expected = answers_on(Device{}), found = answers_on(gpu);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].device(), gpu) << "answer " << i;
    EXPECT_TRUE(near(found[i].array(), expected[i].array(), 1e-12)) << "answer " << i;
  }
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

TEST(DistributionsTest, ImpossibleClassesHaveFiniteGradients) {
  const Variable z(array<double>({1, 2, -INFINITY}), true);
  const Categorical p = Categorical::of_logits(z), q = Categorical::of_logits(numbers({1, 1, -INFINITY}));
  const auto gradient = [&](const Variable& y) { return grad({F::sum(y)}, {z})[0].array(); };
  EXPECT_TRUE(near(gradient(p.entropy()), array<double>({0.19661193324148185, -0.19661193324148185, 0}), 1e-12));
  EXPECT_TRUE(all(isfinite(gradient(kl_divergence(p, q)))));
  EXPECT_TRUE(all(isfinite(gradient(OneHotCategorical::of_logits(z).log_prob(numbers({0, 1, 0}))))));
  const Variable shares(array<double>({0.25, 0.75, 0}), true);
  F::sum(Categorical(shares).entropy()).backward();
  EXPECT_TRUE(all(isfinite(shares.grad())));
}

TEST(DistributionsTest, LogProbHasAGradientInItsValueAtZeroToo) {
  const auto slope = [](const Distribution& of, double at) {
    const Variable x(array<double>({at}), true);
    F::sum(of.log_prob(x)).backward();
    return x.grad().item<double>();
  };
  const Bernoulli coin(numbers({0.3}));
  EXPECT_NEAR(slope(coin, 0), std::log(0.3 / 0.7), 1e-12);
  EXPECT_NEAR(slope(coin, 1), std::log(0.3 / 0.7), 1e-12);
  EXPECT_NEAR(slope(Geometric(numbers({0.3})), 1), std::log(0.7), 1e-12);
  EXPECT_NEAR(slope(Poisson(numbers({3})), 0), std::log(3) + 0.57721566490153286, 1e-12);  // log 3 - digamma(1)
}

TEST(DistributionsTest, ProbabilitiesMayBeZeroAndOne) {
  const Variable p(array<double>({1, 0}), true), one = numbers({1}), none = numbers({0});
  const Bernoulli sure(p);
  EXPECT_THAT(to_vector<double>(sure.log_prob(numbers({1, 0})).array()), Each(0.0));
  EXPECT_THAT(to_vector<double>(sure.log_prob(numbers({0, 1})).array()), Each(-INFINITY));
  EXPECT_THAT(to_vector<double>(sure.entropy().array()), Each(0.0));
  EXPECT_THAT(to_vector<double>(kl_divergence(sure, sure).array()), Each(0.0));
  EXPECT_TRUE(near(kl_divergence(sure, Bernoulli(numbers({0.5, 0.5}))).array(),
                   array<double>({std::log(2), std::log(2)}), 1e-14));
  F::sum(sure.log_prob(numbers({1, 0})) + sure.entropy()).backward();
  EXPECT_TRUE(all(isfinite(p.grad())));

  const Variable certain(array<double>({1}), true);
  EXPECT_EQ(Geometric(certain).log_prob(one).item<double>(), 0);
  EXPECT_EQ(Geometric(certain).log_prob(numbers({2})).item<double>(), -INFINITY);
  EXPECT_EQ(Geometric(certain).entropy().item<double>(), 0);
  EXPECT_EQ(kl_divergence(Geometric(certain), Geometric(one)).item<double>(), 0);
  F::sum(Geometric(certain).log_prob(one)).backward();
  EXPECT_EQ(certain.grad().item<double>(), 1);  // of log p
  EXPECT_EQ(Poisson(none).log_prob(none).item<double>(), 0);
  EXPECT_EQ(kl_divergence(Poisson(none), Poisson(one)).item<double>(), 1);
}

TEST(DistributionsTest, RoundingLeavesNothingToAnImpossibleClass) {
  random_context() = {.seed = 3, .step = 0, .first_sample = 0, .uses = 0};
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat16, Dtype::kBFloat16}) {
    const Variable logits(array<float>({0, 0, 0, -INFINITY}).to(dtype));
    EXPECT_TRUE(all(less(Categorical::of_logits(logits).sample_n(10000).array(), 3))) << dtype;
  }
}

TEST(DistributionsTest, SamplesIn16BitsAreFinite) {
  random_context() = {.seed = 3, .step = 0, .first_sample = 0, .uses = 0};
  const Variable loc(zeros({2}, Dtype::kFloat16)), scale(ones({2}, Dtype::kFloat16));
  EXPECT_TRUE(all(isfinite(Gumbel(loc, scale).sample_n(10000).array())));
  EXPECT_TRUE(all(isfinite(Laplace(loc, scale).sample_n(10000).array())));
}

/// p's samples of the rows of a batch that begin with `first`, sample by sample.
std::vector<double> drawn(const Distribution& p, std::int64_t n, std::uint64_t first) {
  random_context() = {.seed = 1, .step = 5, .first_sample = first, .uses = 0};
  return to_vector<double>(p.sample_n(n).array());
}

TEST(DistributionsTest, ABatchIsTheSameOnOneRankAndCutOverTwo) {
  const auto rows = [](std::int64_t count) { return Variable(zeros({count, 3}, Dtype::kFloat64)); };
  const auto expect_cut = [&](const auto& make) {
    const std::vector<double> whole = drawn(*make(4), 1, 0), first = drawn(*make(2), 1, 0),
                              second = drawn(*make(2), 1, 2);
    std::vector<double> both = first;
    both.insert(both.end(), second.begin(), second.end());
    EXPECT_EQ(both, whole) << make(1)->name();
  };
  expect_cut([&](std::int64_t b) { return std::make_unique<Normal>(rows(b), rows(b) + 1.0); });
  expect_cut([&](std::int64_t b) { return std::make_unique<Laplace>(rows(b), rows(b) + 1.0); });
  expect_cut([&](std::int64_t b) { return std::make_unique<Exponential>(rows(b) + 1.0); });
  expect_cut([&](std::int64_t b) { return std::make_unique<Dirichlet>(rows(b) + 1.0); });
  expect_cut([&](std::int64_t b) { return std::make_unique<Categorical>(rows(b) + 1.0); });
  expect_cut([&](std::int64_t b) {
    const Variable one(array<double>({1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3}));
    return std::make_unique<MultivariateNormal>(rows(b), F::broadcast_to(one, {b, 3, 3}));
  });
}

TEST(DistributionsTest, DrawsOfOneRankAreNotThoseOfAnother) {
  const Normal p(numbers({0, 0}), numbers({1, 1}));
  const std::vector<double> here = drawn(p, 6, 0), there = drawn(p, 6, 4);
  for (const double x : here) EXPECT_EQ(std::count(there.begin(), there.end(), x), 0);
  const Normal single(numbers({0}), numbers({1})), scalar(Variable(full({}, 0, Dtype::kFloat64)), full({}, 1));
  EXPECT_EQ(drawn(scalar, 6, 4), drawn(single, 6, 4));  // without a batch there is one stream
}

TEST(DistributionsTest, WhatIsOutsideTheSupportIsImpossible) {
  EXPECT_THAT(to_vector<double>(Uniform(numbers({0}), numbers({1})).prob(numbers({-0.5, 1.5})).array()), Each(0.0));
  EXPECT_THAT(to_vector<double>(Pareto(numbers({1}), numbers({2})).prob(numbers({0.5})).array()), Each(0.0));
  EXPECT_TRUE(std::isinf(
      kl_divergence(Uniform(numbers({0}), numbers({2})), Uniform(numbers({0}), numbers({1}))).item<double>()));
}

TEST(DistributionsTest, DensitiesAtAndBeyondTheEdgeAreNumbers) {
  const auto log_probs = [](const Distribution& p, std::initializer_list<double> at) {
    return to_vector<double>(p.log_prob(numbers(at)).array());
  };
  const double log_2 = std::log(2);
  using ::testing::DoubleNear;
  using ::testing::ElementsAre;
  EXPECT_THAT(log_probs(Beta(numbers({1}), numbers({2})), {0, -1, 2}),
              ElementsAre(DoubleNear(log_2, 1e-12), -INFINITY, -INFINITY));
  EXPECT_THAT(log_probs(Beta(numbers({2}), numbers({1})), {1, 0}), ElementsAre(DoubleNear(log_2, 1e-12), -INFINITY));
  EXPECT_THAT(log_probs(Gamma(numbers({1}), numbers({2})), {0, -1}), ElementsAre(DoubleNear(-log_2, 1e-12), -INFINITY));
  EXPECT_THAT(log_probs(Chisquare(numbers({2})), {0, -1}), ElementsAre(DoubleNear(-log_2, 1e-12), -INFINITY));
  EXPECT_THAT(log_probs(LogNormal(numbers({0}), numbers({1})), {0, -1}), Each(-INFINITY));
  EXPECT_THAT(log_probs(Exponential(numbers({1})), {-1}), Each(-INFINITY));
  const Dirichlet flat(numbers({1, 2}));
  EXPECT_NEAR(flat.log_prob(numbers({0, 1})).item<double>(), log_2, 1e-12);
  EXPECT_EQ(flat.log_prob(numbers({-0.5, 1.5})).item<double>(), -INFINITY);
  EXPECT_EQ(LogNormal(numbers({0}), numbers({1})).cdf(numbers({-1})).item<double>(), 0);
  EXPECT_EQ(Exponential(numbers({1})).cdf(numbers({-1})).item<double>(), 0);
  EXPECT_EQ(Exponential(numbers({1})).survival_function(numbers({-1})).item<double>(), 1);
}

TEST(DistributionsTest, LaplaceHasItsSlopeInTheMiddle) {
  const Variable x(full({1}, 3, Dtype::kFloat64), true), p(full({1}, 0.5, Dtype::kFloat64), true);
  const Laplace laplace(numbers({3}), numbers({2}));
  F::sum(laplace.cdf(x)).backward();
  F::sum(laplace.icdf(p)).backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 0.25);
  EXPECT_DOUBLE_EQ(p.grad().item<double>(), 4);
  EXPECT_NEAR(laplace.cdf(numbers({-97})).item<double>() / (0.5 * std::exp(-50)), 1, 1e-12);  // not 0.5 - 0.5
}

TEST(DistributionsTest, GradientsBesideTheSupportAreNumbers) {
  const Variable alpha(full({1}, 2, Dtype::kFloat64), true);
  const Variable log_prob = Pareto(numbers({1}), alpha).log_prob(numbers({-1, 2}));
  grad({log_prob}, {alpha}, {Variable(numbers({0, 1}))});
  const Variable g = grad({log_prob}, {alpha}, {Variable(numbers({0, 1}))})[0];
  EXPECT_TRUE(std::isfinite(g.item<double>()));
}

TEST(DistributionsTest, SamplesOfSmallShapesAreShares) {
  const Array x = Beta(numbers({0.001}), numbers({0.001})).sample_n(500).array();
  EXPECT_TRUE(all(isfinite(x)));
  EXPECT_NEAR(F::mean(Variable(x)).item<double>(), 0.5, 0.1);
  EXPECT_TRUE(all(isfinite(Dirichlet(numbers({0.001, 0.001, 0.001})).sample_n(500).array())));
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

TEST(DistributionsTest, RefusesToDrawWhatHasNoFiniteShape) {
  const auto refuses = [](const Distribution& p, const char* text) {
    EXPECT_THAT([&] { p.sample_n(1); }, ThrowsMessage<ValueError>(HasSubstr(text)));
  };
  for (const double value : std::initializer_list<double>{INFINITY, NAN, -1}) {
    const Variable one(ones({1}, Dtype::kFloat64)), bad(full({1}, value, Dtype::kFloat64));
    refuses(Gamma(bad, one), "gamma: a shape of");
    refuses(Beta(one, bad), "gamma: a shape of");
    refuses(Dirichlet(bad), "gamma: a shape of");
    refuses(Poisson(bad), "Poisson: a rate of");
  }
  refuses(Poisson(full({1}, 1e18, Dtype::kFloat64)), "expected a number from 0 to 1e+09");
}

TEST(DistributionsTest, NamesWhatHasNoClosedForm) {
  EXPECT_THAT([] { Poisson(numbers({2})).entropy(); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("Poisson"), HasSubstr("entropy"))));
  EXPECT_THAT([] { MultivariateNormal(numbers({1, 2}), numbers({1, 2})); },
              ThrowsMessage<ShapeError>(HasSubstr("(…, d, d)")));
}

}  // namespace
}  // namespace rensa::distributions
