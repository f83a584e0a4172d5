#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/autograd/gradient_check.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/links/losses.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<double> kCounts = {5, 1, 2, 7, 1};
const Array kLabels = array<std::int64_t>({3, 0, 2, 4});

/// A loss of x (4, 3) and kLabels over five classes with weights of its own.
struct LossCase {
  std::string name;
  std::function<std::unique_ptr<Link>(Dtype dtype)> make;
  std::function<Variable(Link& link, const Variable& x)> loss;
};
void PrintTo(const LossCase& c, std::ostream* out) { *out << c.name; }

template <class L>
Variable apply(Link& link, const Variable& x) {
  return dynamic_cast<L&>(link)(x, kLabels);
}

std::vector<LossCase> cases() {
  const SampledLossOptions sampled{.in = 3, .counts = kCounts, .sample_size = 2};
  const auto with = [=](Dtype dtype) {
    SampledLossOptions options = sampled;
    options.dtype = dtype;
    return options;
  };
  return {{"negative_sampling", [=](Dtype d) { return std::make_unique<NegativeSampling>(with(d)); },
           apply<NegativeSampling>},
          {"black_out", [=](Dtype d) { return std::make_unique<BlackOut>(with(d)); }, apply<BlackOut>},
          {"binary_hierarchical_softmax",
           [](Dtype d) {
             return std::make_unique<BinaryHierarchicalSoftmax>(
                 BinaryHierarchicalSoftmax::Options{.in = 3, .counts = kCounts, .dtype = d});
           },
           apply<BinaryHierarchicalSoftmax>},
          {"crf1d", [](Dtype d) { return std::make_unique<Crf1d>(3, d); },
           [](Link& link, const Variable& x) {  // two sequences of two steps
             const Variables xs = {functions::slice(x, 0, {.stop = 2}), functions::slice(x, 0, {.start = 2})};
             return dynamic_cast<Crf1d&>(link)(xs, {array<std::int64_t>({0, 2}), array<std::int64_t>({1, 1})});
           }}};
}

void start_of_step(std::uint64_t step, std::uint64_t first_sample = 0) {
  random_context() = {.seed = 1, .step = step, .first_sample = first_sample, .uses = 0};
}

class LossLinkTest : public ::testing::TestWithParam<LossCase> {
 protected:
  std::unique_ptr<Link> made(Dtype dtype) const {
    seed_parameters(1);
    std::unique_ptr<Link> link = GetParam().make(dtype);
    Parameter& W = *link->parameters().front();
    W.array().copy_from(random_array(W.shape(), 7).to(Dtype::kBFloat16));
    return link;
  }
};
INSTANTIATE_TEST_SUITE_P(Links, LossLinkTest, ::testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

TEST_P(LossLinkTest, HasBothGradients) {
  const auto link = made(Dtype::kFloat64);
  Parameter& W = *link->parameters().front();
  const auto f = [&](const Variables& in) {
    start_of_step(0);
    Variable own = W.stand_in(in[1]);
    const Variable loss = GetParam().loss(*link, in[0]);
    W.stand_in(own);
    return Variables{loss};
  };
  const std::vector<Array> inputs = {random_array({4, 3}, 2), W.array().copy()};
  check_gradient(f, inputs);
  check_double_gradient(f, inputs);
}

TEST_P(LossLinkTest, SixteenBitsStayNear) {
  for (const auto& [dtype, tolerance] : {std::pair{Dtype::kBFloat16, 0.1}, std::pair{Dtype::kFloat16, 0.02}}) {
    SCOPED_TRACE(dtype);
    const auto run = [&](Dtype computed_in) {
      const auto link = made(computed_in);
      const Variable x(random_array({4, 3}, 2).to(dtype).to(computed_in), /*requires_grad=*/true);
      start_of_step(0);
      const Variable loss = GetParam().loss(*link, x);
      EXPECT_EQ(loss.dtype(), computed_in);
      loss.backward();
      return Arrays{loss.array(), x.grad(), link->parameters().front()->grad()};
    };
    const Arrays found = run(dtype), expected = run(Dtype::kFloat32);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(testing::near(found[i].to(Dtype::kFloat32), expected[i], tolerance)) << i;
    }
  }
}

TEST_P(LossLinkTest, IsTheSameOnAGpu) {
  const testing::EmulatedGpus gpus;
  const auto run = [&](Device device) {
    const auto link = made(Dtype::kFloat64);
    link->to(device);
    const Variable x(random_array({4, 3}, 2).to(device), /*requires_grad=*/true);
    start_of_step(0);
    const Variable loss = GetParam().loss(*link, x);
    EXPECT_EQ(loss.device(), device);
    loss.backward();
    return Arrays{loss.array(), x.grad(), link->parameters().front()->grad()};
  };
  const Arrays expected = run(Device{}), found = run({DeviceKind::kCuda, 0});
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(testing::near(found[i], expected[i], 1e-12)) << i;
}

class SampledLossTest : public LossLinkTest {};
INSTANTIATE_TEST_SUITE_P(Links, SampledLossTest, ::testing::Values(cases()[0], cases()[1]),
                         [](const auto& one) { return one.param.name; });

TEST_P(SampledLossTest, DrawsByTheStepNotByTheCall) {
  const Variable x(random_array({4, 3}, 2));
  const auto at_step = [&](Link& link, std::uint64_t step) {
    start_of_step(step);
    return GetParam().loss(link, x).item<double>();
  };
  const auto link = made(Dtype::kFloat64), resumed = made(Dtype::kFloat64);
  const double first = at_step(*link, 0), later = at_step(*link, 5);
  EXPECT_NE(first, later);
  EXPECT_EQ(at_step(*resumed, 5), later);
}

TEST(NegativeSamplingTest, RowsDrawTheSameOnOneRankAndOnTwo) {
  NegativeSampling link({.in = 3, .counts = kCounts, .sample_size = 2, .dtype = Dtype::kFloat64});
  link.W.array().copy_from(random_array({5, 3}, 7));
  const Array x = random_array({4, 3}, 2);
  const auto losses = [&](std::int64_t begin, std::int64_t end) {
    start_of_step(2, static_cast<std::uint64_t>(begin));
    const Slice rows{.start = begin, .stop = end};
    return to_vector<double>(
        link(Variable(x.slice(0, rows)), kLabels.slice(0, rows).copy(), functions::SumReduce::kNone).array());
  };
  std::vector<double> halves = losses(0, 2);
  for (const double loss : losses(2, 4)) halves.push_back(loss);
  EXPECT_EQ(halves, losses(0, 4));
}

TEST(WalkerAliasTest, DrawsInProportionToCounts) {
  const WalkerAlias alias({1, 0, 3});
  RandomStream stream(3, Purpose::kUser);
  const std::vector<std::int64_t> drawn = to_vector<std::int64_t>(alias.sample({4000}, stream));
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 1), 0);
  EXPECT_NEAR(static_cast<double>(std::count(drawn.begin(), drawn.end(), 2)) / 4000, 0.75, 0.03);
  EXPECT_THROW(WalkerAlias({0, 0}), ValueError);
}

// Chainer's losses for counts, and for a tree, are in chainer_links_test.cpp.
TEST(BinaryHierarchicalSoftmaxTest, RefusesTreesAndClassesThatDoNotFit) {
  using Options = BinaryHierarchicalSoftmax::Options;
  EXPECT_THAT([] { BinaryHierarchicalSoftmax(Options{.in = 1, .tree = ClassTree{{1, 2}, 1}}); },
              ThrowsMessage<ValueError>(HasSubstr("class 1 is in the tree twice")));
  EXPECT_THAT([] { BinaryHierarchicalSoftmax(Options{.in = 1, .tree = ClassTree{3}}); },
              ThrowsMessage<ValueError>(HasSubstr("at least 2 classes")));
  EXPECT_THAT([] { huffman_tree(std::vector<double>(1100, 0)); },
              ThrowsMessage<ValueError>(HasSubstr("more than 1000 decisions")));
  BinaryHierarchicalSoftmax without_class_0(Options{.in = 1, .tree = ClassTree{{1, 2}, 3}});
  EXPECT_THAT([&] { without_class_0(Variable(ones({1, 1})), array<std::int64_t>({0})); },
              ThrowsMessage<ValueError>(HasSubstr("t[0] is 0, a class that the tree does not have")));
}

TEST(BinaryHierarchicalSoftmaxTest, ProbabilitiesOfAllClassesSumToOne) {
  BinaryHierarchicalSoftmax loss({.in = 3, .counts = kCounts, .dtype = Dtype::kFloat64});
  const Variable x(random_array({1, 3}, 4));
  double sum = 0;
  for (std::int64_t c = 0; c < 5; ++c) sum += std::exp(-loss(x, array<std::int64_t>({c})).item<double>());
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_THAT([&] { loss(x, array<std::int64_t>({5})); }, ThrowsMessage<ValueError>(HasSubstr("t[0] is 5")));
}

}  // namespace
}  // namespace rensa
