#include "core/functions/losses.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

#include "core/array/logic.h"
#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/channel_activation.h"
#include "core/functions/math.h"
#include "core/functions/noise.h"
#include "core/functions/reduction.h"
#include "core/functions/sequence_losses.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"
#include "core/functions/softmax_cross_entropy.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

/// -1, 0, 1 (the first ignored); or 0, 1, 1.
Array binary(const Shape& shape, bool ignored) {
  std::vector<std::int64_t> t = to_vector<std::int64_t>(labels(shape, 3));
  for (std::int64_t& label : t) label = ignored ? label - 1 : std::min<std::int64_t>(label, 1);
  return array(t, shape);
}

Array ignoring_labels(const Shape& shape, std::int64_t classes) {
  std::vector<std::int64_t> t = to_vector<std::int64_t>(labels(shape, classes + 1));
  for (std::int64_t& label : t) --label;
  return array(t, shape);
}

std::vector<FunctionCase> pairs() {
  std::vector<FunctionCase> cases;
  using Binary = Variable (*)(V, V);
  const std::pair<const char*, Binary> table[] = {{"absolute_error", F::absolute_error},
                                                  {"squared_error", F::squared_error},
                                                  {"squared_difference", F::squared_difference},
                                                  {"mean_absolute_error", F::mean_absolute_error},
                                                  {"mean_squared_error", F::mean_squared_error}};
  for (const auto& [name, f] : table) {
    cases.push_back({.name = name,
                     .f = of([f = f](V a, V b) { return f(a, b); }),
                     .inputs = {{"ab"}, {"ab"}},
                     .may_be_empty = std::string(name).starts_with("mean") ? "" : "ab",
                     .refusals = {{"(2,) and (3,)", [f = f] { f(zeros({2}), zeros({3})); }}}});
  }
  return cases;
}

std::vector<FunctionCase> loss_cases() {
  std::vector<FunctionCase> cases = {
      {.name = "huber_loss",
       .f = of([](V x, V t) { return F::huber_loss(x, t, 0.8); }),
       .inputs = {{"ab"}, {"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"huber_loss: delta is 0", [] { F::huber_loss(zeros({2, 2}), zeros({2, 2}), 0); }}}},
      {.name = "sigmoid_cross_entropy",
       .f = of([](V x) { return F::sigmoid_cross_entropy(x, binary(x.shape(), true)); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"a label is 2", [] { F::sigmoid_cross_entropy(zeros({1}), array<std::int32_t>({2})); }},
                    {"labels are float32", [] { F::sigmoid_cross_entropy(zeros({1}), zeros({1})); }}}},
      {.name = "softmax_cross_entropy",
       .f = of([](V x) { return F::softmax_cross_entropy(x, ignoring_labels({x.shape()[0], x.shape()[2]}, 5)); }),
       .inputs = {{"a5c"}},
       .may_be_empty = "ac",
       .refusals = {{"label 0 is 3", [] { F::softmax_cross_entropy(zeros({1, 3}), array<std::int32_t>({3})); }}}},
      {.name = "hinge",
       .f = of([](V x) { return F::hinge(x, labels({x.shape()[0]}, 5)); }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"hinge: expected (batch, n)", [] { F::hinge(zeros({1}), array<std::int32_t>({0})); }}}},
      {.name = "hinge__squared",
       .f = of([](V x) { return F::hinge(x, labels({x.shape()[0]}, 5), F::HingeNorm::kL2); }),
       .inputs = {{"a5"}},
       .may_be_empty = "a",
       .refusals = {{"one_hot: index 3", [] { F::hinge(zeros({1, 3}), array<std::int32_t>({3})); }}}},
      {.name = "bernoulli_nll",
       .f = of([](V x, V y) { return F::bernoulli_nll(x, y); }),
       .inputs = {{"ab", 0, 1}, {"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"bernoulli_nll: expected equal", [] { F::bernoulli_nll(zeros({2}), zeros({3})); }}}},
      {.name = "gaussian_nll",
       .f = of([](V x, V m, V v) { return F::gaussian_nll(x, m, v); }),
       .inputs = {{"ab"}, {"ab"}, {"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"gaussian_nll: expected equal", [] { F::gaussian_nll(zeros({2}), zeros({2}), zeros({3})); }}}},
      {.name = "gaussian_kl_divergence",
       .f = of([](V m, V v) { return F::gaussian_kl_divergence(m, v); }),
       .inputs = {{"ab"}, {"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"gaussian_kl_divergence: expected equal",
                     [] { F::gaussian_kl_divergence(zeros({2}), zeros({3})); }}}},
      {.name = "contrastive",
       .f = of([](V a, V b) { return F::contrastive(a, b, binary({a.shape()[0]}, false), 6); }),
       .inputs = {{"ab"}, {"ab"}},
       .refusals = {{"contrastive: margin is 0",
                     [] { F::contrastive(zeros({1, 2}), zeros({1, 2}), array<std::int32_t>({1}), 0); }}}},
      {.name = "triplet",
       .f = of([](V a, V p, V n) { return F::triplet(a, p, n, 8); }),
       .inputs = {{"ab"}, {"ab"}, {"ab"}},
       .refusals = {{"triplet: margin is 0", [] { F::triplet(zeros({1, 2}), zeros({1, 2}), zeros({1, 2}), 0); }}}},
      {.name = "cross_covariance",
       .f = of([](V y, V z) { return F::cross_covariance(y, z); }),
       .inputs = {{"ab"}, {"ac"}},
       .may_be_empty = "bc",
       .refusals = {{"cross_covariance: expected equal", [] { F::cross_covariance(zeros({1, 2}), zeros({2, 2})); }}}},
      {.name = "decov",
       .f = of([](V h) { return F::decov(h); }),
       .inputs = {{"ab"}},
       .may_be_empty = "b",
       .refusals = {{"decov: expected (batch, n)", [] { F::decov(zeros({2})); }}}},
      {.name = "focal_loss",
       .f = of([](V x) { return F::focal_loss(x, labels({x.shape()[0]}, 5), 2, 0.5); }),
       .inputs = {{"a5"}},
       .refusals = {{"focal_loss: gamma is -1", [] { F::focal_loss(zeros({1, 2}), array<std::int32_t>({0}), -1); }}}},
      {.name = "focal_loss__gamma_0",
       .f = of([](V x) { return F::focal_loss(x, labels({x.shape()[0]}, 5), 0, 1); }),
       .inputs = {{"a5"}},
       .values =
           [] {
             const Array x = random_array({4, 5}, 1), t = labels({4}, 5);
             EXPECT_TRUE(near(F::focal_loss(x, t, 0, 1).array(), F::softmax_cross_entropy(x, t).array(), 1e-14));
           },
       .refusals = {{"focal_loss: gamma is -1", [] { F::focal_loss(zeros({1, 2}), array<std::int32_t>({0}), -1); }}}},
      {.name = "discriminative_margin_based_clustering_loss",
       .f = of([](V e) {
         return F::discriminative_margin_based_clustering_loss(e, labels({e.shape()[0], 3, 3}, 3), 0.1, 1.5, 4);
       }),
       .inputs = {{"a433"}},
       .refusals = {{"norm is 3",
                     [] {
                       F::discriminative_margin_based_clustering_loss(zeros({1, 2, 1, 1}), zeros({1, 1, 1}), 1, 1, 2,
                                                                      3);
                     }}}},
  };
  for (FunctionCase& c : pairs()) cases.push_back(std::move(c));
  return cases;
}

std::vector<FunctionCase> channel_activation_cases() {
  return {
      {.name = "crelu",
       .f = of([](V x) { return F::crelu(x); }),
       .inputs = {{"ab"}},
       .may_be_empty = "ab",
       .refusals = {{"crelu: axis 1", [] { F::crelu(zeros({2})); }}}},
      {.name = "maxout",
       .f = of([](V x) { return F::maxout(x, 3); }),
       .inputs = {{"a6c"}},
       .may_be_empty = "ac",
       .refusals = {{"maxout: axis 1 of (2, 3)", [] { F::maxout(zeros({2, 3}), 2); }}}},
      {.name = "prelu",
       .f = of([](V x, V w) { return F::prelu(x, w); }),
       .inputs = {{"abc"}, {"b", 0.1, 1}},
       .may_be_empty = "abc",
       .refusals = {{"prelu: the weight is (2,)", [] { F::prelu(zeros({2, 3}), zeros({2})); }}}},
      {.name = "swish",
       .f = of([](V x, V beta) { return F::swish(x, beta); }),
       .inputs = {{"abc"}, {"b", 0.1, 1}},
       .may_be_empty = "abc",
       .refusals = {{"swish: the weight is (2,)", [] { F::swish(zeros({2, 3}), zeros({2})); }}}},
      {.name = "rrelu",
       .f = of([](V x) {
         const ConfigScope evaluating({.train = false, .enable_backprop = config().enable_backprop});
         return F::rrelu(x);
       }),
       .refusals = {{"rrelu: l is 1", [] { F::rrelu(zeros({2}), 1, 0); }}}},
      {.name = "glu",
       .f = of([](V x) { return F::glu(x); }),
       .inputs = {{"a6"}},
       .may_be_empty = "a",
       .refusals = {{"cannot be cut into 2", [] { F::glu(zeros({3})); }}}},
      {.name = "softmax",
       .f = of([](V x) { return F::softmax(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "ac",
       .refusals = {{"softmax: axis 1", [] { F::softmax(zeros({2})); }}}},
      {.name = "log_softmax",
       .f = of([](V x) { return F::log_softmax(x); }),
       .inputs = {{"abc"}},
       .may_be_empty = "ac",
       .refusals = {{"log_softmax: axis 1", [] { F::log_softmax(zeros({2})); }}}},
  };
}

/// Functions that draw: from the same place in the run, so that the checker sees one function.
template <class F>
auto same_draw(F f) {
  return [f](const auto&... x) -> std::invoke_result_t<F, decltype(x)...> {
    random_context() = {.seed = 9, .step = 3, .first_sample = 0, .uses = 0};
    return f(x...);
  };
}

void expect_statistics(const Array& x, double mean, double deviation, double tolerance) {
  double sum = 0, squares = 0;
  for (const double v : to_vector<double>(x)) {
    sum += v;
    squares += v * v;
  }
  const double n = static_cast<double>(x.size());
  EXPECT_NEAR(sum / n, mean, tolerance);
  EXPECT_NEAR(std::sqrt(squares / n - sum / n * sum / n), deviation, tolerance);
}

std::vector<FunctionCase> noise_cases() {
  return {
      {.name = "gaussian",
       .f = of(same_draw([](V m, V v) { return F::gaussian(m, v); })),
       .inputs = {{"ab"}, {"ab"}},
       .may_be_empty = "ab",
       .values =
           [] {
             expect_statistics(F::gaussian(full({400, 100}, 3), full({400, 100}, 2 * std::log(2))).array(), 3, 2, 0.03);
           },
       .refusals = {{"gaussian: mean is (2,)", [] { F::gaussian(zeros({2}), zeros({3})); }}}},
      {.name = "gumbel_softmax",
       .f = of(same_draw([](V x) { return F::gumbel_softmax(x, 0.5); })),
       .inputs = {{"ab"}},
       .may_be_empty = "a",
       .values =
           [] {
             // The largest of log(p) + Gumbel noise is a sample of p.
             const Array p = F::broadcast_to(array<float>({0.2f, 0.3f, 0.5f}), {20000, 3}).array();
             const Array y = F::gumbel_softmax(F::log(p), 0.01).array();
             const std::vector<double> shares = to_vector<double>(F::mean(y, {0}).array());
             EXPECT_NEAR(shares[0], 0.2, 0.02);
             EXPECT_NEAR(shares[2], 0.5, 0.02);
           },
       .refusals = {{"gumbel_softmax: tau is 0", [] { F::gumbel_softmax(zeros({2, 2}), 0); }}}},
      {.name = "simplified_dropconnect",
       .f = of(same_draw([](V x, V W, V b) { return F::simplified_dropconnect(x, W, &b, 0.4); })),
       .inputs = {{"ab"}, {"cb"}, {"c"}},
       .may_be_empty = "a",
       .values =
           [] {
             expect_statistics(F::simplified_dropconnect(ones({300, 100}), ones({20, 100}), nullptr, 0.5).array(), 100,
                               10, 1);
           },
       .refusals = {{"simplified_dropconnect: ratio is 1",
                     [] { F::simplified_dropconnect(zeros({1, 2}), zeros({1, 2}), nullptr, 1); }}}},
      {.name = "zoneout",
       .f = of(same_draw([](V h, V x) { return F::zoneout(h, x, 0.3); })),
       .inputs = {{"ab"}, {"ab"}},
       .may_be_empty = "ab",
       .values =
           [] {
             expect_statistics(F::zoneout(ones({400, 100}), zeros({400, 100}), 0.3).array(), 0.3, std::sqrt(0.21),
                               0.01);
           },
       .refusals = {{"zoneout: ratio is 2", [] { F::zoneout(zeros({2}), zeros({2}), 2); }}}},
      {.name = "rrelu__training",
       .f = of(same_draw([](V x) { return F::rrelu(x); })),
       .values =
           [] { expect_statistics(F::rrelu(full({400, 100}, -1), 0, 1).array(), -0.5, std::sqrt(1.0 / 12), 0.01); },
       .refusals = {{"rrelu: l is 1", [] { F::rrelu(zeros({2}), 1, 0); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Loss, FunctionCaseTest, ::testing::ValuesIn(loss_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(ChannelActivation, FunctionCaseTest, ::testing::ValuesIn(channel_activation_cases()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Noise, FunctionCaseTest, ::testing::ValuesIn(noise_cases()), case_name);

/// docs/cuda.md: class numbers may be on the host, and on the GPU too.
TEST(LossesTest, LabelsMayLieBesideTheScoresOnAGpu) {
  const EmulatedGpus gpus;
  const Device gpu{DeviceKind::kCuda, 0};
  const Array x = random_array({3, 3}, 1), numbers = array<std::int32_t>({2, 0, 1}), bits = binary({3, 3}, true);
  const std::function<Variable(V, const std::function<Array(const Array&)>&)> losses[] = {
      [&](V s, const auto& t) { return F::sigmoid_cross_entropy(s, t(bits)); },
      [&](V s, const auto& t) { return F::softmax_cross_entropy(s, t(numbers)); },
      [&](V s, const auto& t) { return F::hinge(s, t(numbers)); },
      [&](V s, const auto& t) { return F::focal_loss(s, t(numbers), 0); },
      [&](V s, const auto& t) { return F::contrastive(s, s * 2.0, t(numbers.to(Dtype::kBool).to(Dtype::kInt32))); },
      [&](V s, const auto& t) {
        const Variable pictures = F::reshape(s, {1, 1, 3, 3});
        return F::discriminative_margin_based_clustering_loss(pictures, t(labels({1, 3, 3}, 3)), 0.1, 1.5, 4)[0];
      },
      [&](V s, const auto& t) {
        return F::connectionist_temporal_classification({s, s, s}, t(array<std::int32_t>({2, 1, 1}, {3, 1})));
      },
  };
  for (const auto& loss : losses) {
    const Array expected = loss(x, [](const Array& t) { return t; }).array();
    EXPECT_TRUE(near(loss(x.to(gpu), [&](const Array& t) { return t.to(gpu); }).array(), expected, 1e-12));
  }
}

TEST(SigmoidCrossEntropyTest, DividesByTheBatchWithoutNormalize) {
  const Array t = array<std::int32_t>({1, -1, 0, -1}, {2, 2});
  EXPECT_NEAR(F::sigmoid_cross_entropy(zeros({2, 2}), t).item<float>(), std::log(2), 1e-6);
  EXPECT_NEAR(F::sigmoid_cross_entropy(zeros({2, 2}), t, {.normalize = false}).item<float>(), std::log(2), 1e-6);
  EXPECT_NEAR(F::sigmoid_cross_entropy(zeros({1, 4}), array<std::int32_t>({1, -1, 0, -1}, {1, 4}), {.normalize = false})
                  .item<float>(),
              2 * std::log(2), 1e-6);
}

TEST(ContrastiveTest, PairsWithoutADistanceHaveNoGradient) {
  const Variable a(array<float>({0, 0, 1, 2}, {2, 2}), true), b(array<float>({0, 0, 1, 2}, {2, 2}));
  F::contrastive(a, b, array<std::int32_t>({1, 0})).backward();
  EXPECT_THAT(to_vector<float>(a.grad()), ::testing::Each(0.0f));
}

TEST(FocalLossTest, ACertainSampleHasAGradientForAnyGamma) {
  for (const double gamma : {0.0, 0.5, 1.0, 2.0}) {
    const Variable x(array<float>({100, 0, 1, 2}, {2, 2}), true);
    F::focal_loss(x, array<std::int32_t>({0, 1}), gamma).backward();
    EXPECT_TRUE(all(isfinite(x.grad()))) << gamma;
    EXPECT_EQ(to_vector<float>(x.grad())[0], 0) << gamma;
    EXPECT_NE(to_vector<float>(x.grad())[2], 0) << gamma;
  }
}

TEST(ContrastiveTest, DistantPairsIn16BitsAreNumbers) {
  const Variable far(full({1, 4}, 300, Dtype::kFloat16)), origin(zeros({1, 4}, Dtype::kFloat16));
  EXPECT_EQ(F::contrastive(far, origin, array<std::int32_t>({0})).item<float>(), 0);
  EXPECT_EQ(F::triplet(far, far, origin).item<float>(), 0);
  EXPECT_EQ(F::triplet(far, origin, origin).dtype(), Dtype::kFloat16);
}

TEST(GumbelSoftmaxTest, IsANumberIn16Bits) {
  random_context() = {.seed = 3, .step = 0, .first_sample = 0, .uses = 0};
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
    const Array y = F::gumbel_softmax(zeros({20, 1000}, dtype), 1).array();
    EXPECT_TRUE(all(isfinite(y)));
  }
}

}  // namespace
}  // namespace rensa::testing
