#include "core/links/recurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/joining.h"
#include "core/functions/lstm_sequence.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/links/losses.h"
#include "core/links/n_step.h"
#include "core/links/tree_lstm.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Variable random_variable(const Shape& shape, std::uint64_t seed, Dtype dtype = Dtype::kFloat64) {
  return Variable(random_array(shape, seed, dtype), true);
}

/// Layers' weights in Chainer's sets of eight.
functions::NStepWeights weights(int layers, int directions, std::int64_t in, std::int64_t n, Dtype dtype) {
  functions::NStepWeights w;
  std::uint64_t seed = 10;
  for (int i = 0; i < layers * directions; ++i) {
    Variables W, b;
    for (int k = 0; k < 8; ++k) {
      const std::int64_t columns = k >= 4 ? n : i < directions ? in : n * directions;
      W.push_back(random_variable({n, columns}, seed++, dtype));
      b.push_back(random_variable({n}, seed++, dtype));
    }
    w.W.push_back(W);
    w.b.push_back(b);
  }
  return w;
}

Variable total(const functions::NStepResult& result) {
  Variable sum = functions::sum(result.h * result.h) + functions::sum(result.c * 0.5);
  for (const Variable& y : result.ys) sum = sum + functions::sum(y * y * y);
  return sum;
}

struct Case {
  int layers, directions;
  Dtype dtype;
};
class LstmSequenceTest : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Forms, LstmSequenceTest,
                         ::testing::Values(Case{1, 1, Dtype::kFloat64}, Case{1, 2, Dtype::kFloat64},
                                           Case{2, 2, Dtype::kFloat64}, Case{2, 1, Dtype::kFloat32},
                                           Case{1, 2, Dtype::kFloat32}));

TEST_P(LstmSequenceTest, IsTheStepByStepNetworkInValueAndGradient) {
  const auto [layers, directions, dtype] = GetParam();
  const std::int64_t n = 5, in = 3;
  const functions::NStepWeights w = weights(layers, directions, in, n, dtype);
  const Shape state = {layers * directions, 4, n};
  const Variable hx = random_variable(state, 1, dtype), cx = random_variable(state, 2, dtype);
  const Variables xs = {random_variable({4, in}, 3, dtype), random_variable({4, in}, 4, dtype),
                        random_variable({2, in}, 5, dtype), random_variable({1, in}, 6, dtype)};
  Variables leaves = {hx, cx};
  for (const Variable& x : xs) leaves.push_back(x);
  for (std::size_t i = 0; i < w.W.size(); ++i) {
    for (std::size_t k = 0; k < 8; ++k) {
      leaves.push_back(w.W[i][k]);
      leaves.push_back(w.b[i][k]);
    }
  }
  const auto slow = directions == 1 ? functions::n_step_lstm(layers, 0, hx, cx, w, xs)
                                    : functions::n_step_bilstm(layers, 0, hx, cx, w, xs);
  const auto fast = functions::fast_n_step_lstm(layers, directions, 0, hx, cx, w, xs);
  const double tolerance = dtype == Dtype::kFloat64 ? 1e-12 : 2e-5;
  EXPECT_TRUE(testing::near(fast.h.array(), slow.h.array(), tolerance));
  EXPECT_TRUE(testing::near(fast.c.array(), slow.c.array(), tolerance));
  ASSERT_EQ(fast.ys.size(), slow.ys.size());
  for (std::size_t t = 0; t < xs.size(); ++t)
    EXPECT_TRUE(testing::near(fast.ys[t].array(), slow.ys[t].array(), tolerance)) << t;
  const Variables expected = grad({total(slow)}, leaves), found = grad({total(fast)}, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_TRUE(testing::near(found[i].array(), expected[i].array(), 10 * tolerance)) << "leaf " << i;
  }
}

TEST_P(LstmSequenceTest, ItsGradientsGradientIsTheStepByStepNetworks) {
  const auto [layers, directions, dtype] = GetParam();
  const std::int64_t n = 4, in = 3;
  const functions::NStepWeights w = weights(layers, directions, in, n, dtype);
  const Variable hx = random_variable({layers * directions, 3, n}, 1, dtype),
                 cx = random_variable({layers * directions, 3, n}, 2, dtype);
  const Variables xs = {random_variable({3, in}, 3, dtype), random_variable({2, in}, 4, dtype)};
  Variables leaves = {hx, cx, xs[0], xs[1]};
  for (std::size_t i = 0; i < w.W.size(); ++i) {
    for (std::size_t k = 0; k < 8; ++k) leaves.push_back(w.W[i][k]);
    leaves.push_back(w.b[i][0]);
  }
  const Variable start = hx * functions::sum(w.W[0][4]);  // an input that depends on another one
  const auto second = [&](const functions::NStepResult& made) {
    Variable squares;
    for (const Variable& g : grad({total(made)}, leaves, {}, {.enable_double_backprop = true})) {
      const Variable more = functions::sum(g * g);
      squares = squares ? squares + more : more;
    }
    return grad({squares}, leaves);
  };
  const Variables found = second(functions::fast_n_step_lstm(layers, directions, 0, start, cx, w, xs)),
                  expected = second(directions == 1 ? functions::n_step_lstm(layers, 0, start, cx, w, xs)
                                                    : functions::n_step_bilstm(layers, 0, start, cx, w, xs));
  const double tolerance = dtype == Dtype::kFloat64 ? 1e-10 : 1e-3;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_TRUE(testing::near(found[i].array(), expected[i].array(), tolerance)) << "leaf " << i;
  }
}

TEST(LstmSequenceTest, RefusesShapesThatDoNotFit) {
  Variable x = random_variable({2, 3}, 1), W_x = random_variable({8, 3}, 2), W_h = random_variable({8, 2}, 3),
           b = random_variable({8}, 4);
  Variable h = random_variable({1, 2}, 5), c = random_variable({1, 2}, 6);
  EXPECT_THAT([&] { functions::lstm_sequence(x, {1, 1}, W_x, functions::cast(W_h, Dtype::kFloat32), b, h, c); },
              ThrowsMessage<DtypeError>(HasSubstr("lstm_sequence: x is float64")));
  EXPECT_THAT([&] { functions::lstm_sequence(x, {1}, W_x, W_h, b, h, c); },
              ThrowsMessage<ShapeError>(HasSubstr("S = 1")));
  EXPECT_THAT(
      [&] { functions::lstm_sequence(x, {0, 2}, W_x, W_h, b, random_variable({2, 2}, 7), random_variable({2, 2}, 8)); },
      ThrowsMessage<ValueError>(HasSubstr("falling length")));
}

TEST(LstmTest, ASequenceAtOnceIsTheStepsOneByOne) {
  Lstm one({.in = 3, .out = 4, .dtype = Dtype::kFloat64});
  for (Parameter* parameter : one.parameters()) parameter->array().copy_from(random_array(parameter->shape(), 5));
  const std::unique_ptr<Lstm> other = clone(one);
  const Variable x = random_variable({3, 2, 3}, 9);
  Variables ys;
  for (std::int64_t t = 0; t < 3; ++t) ys.push_back(one(functions::select(x, 0, t)));
  const Variable stacked = functions::stack(ys, 0), all = other->sequence(x);
  EXPECT_TRUE(testing::near(all.array(), stacked.array(), 1e-13));
  EXPECT_TRUE(testing::near(other->c().array(), one.c().array(), 1e-13));
  functions::sum(stacked * stacked).backward();
  functions::sum(all * all).backward();
  for (std::size_t i = 0; i < one.parameters().size(); ++i) {
    EXPECT_TRUE(testing::near(other->parameters()[i]->grad(), one.parameters()[i]->grad(), 1e-12)) << i;
  }
  // The next batch goes on from the state, and unchained state takes no gradient back.
  const Variable before = other->h();
  other->unchain_state();
  EXPECT_EQ(other->h().creator(), nullptr);
  EXPECT_EQ(to_vector<double>(other->h().array()), to_vector<double>(before.array()));
  other->reset_state();
  EXPECT_FALSE(other->h());
}

template <class Cell>
class StatefulCellTest : public ::testing::Test {};
using StatefulCells = ::testing::Types<Lstm, StatefulPeepholeLstm, StatefulZoneoutLstm, StatefulGru, StatefulMgu>;
TYPED_TEST_SUITE(StatefulCellTest, StatefulCells);

TYPED_TEST(StatefulCellTest, RowsThatAShorterBatchLacksStayAsTheyAre) {
  for (const bool train : {true, false}) {
    SCOPED_TRACE(train ? "training" : "evaluation");
    const ConfigScope scope({.train = train});
    TypeParam cell({.in = 3, .out = 5, .dtype = Dtype::kFloat64});
    cell(random_variable({4, 3}, 1));
    const Array before = cell.h().array();
    const Variable y = cell(random_variable({2, 3}, 2));
    EXPECT_EQ(y.shape(), Shape({2, 5}));
    ASSERT_EQ(cell.h().shape(), Shape({4, 5}));
    const auto rows = [](const Array& h, std::int64_t from, std::int64_t to) {
      return to_vector<double>(h.slice(0, {.start = from, .stop = to}));
    };
    EXPECT_EQ(rows(cell.h().array(), 0, 2), to_vector<double>(y.array()));
    EXPECT_EQ(rows(cell.h().array(), 2, 4), rows(before, 2, 4));
    EXPECT_NE(rows(cell.h().array(), 0, 2), rows(before, 0, 2));
    if constexpr (requires { cell.c(); }) {
      EXPECT_EQ(cell.c().shape(), Shape({4, 5}));
    }
  }
}

TYPED_TEST(StatefulCellTest, ABatchDoesNotGrow) {
  TypeParam cell({.in = 3, .out = 5, .dtype = Dtype::kFloat64});
  cell(random_variable({1, 3}, 1));
  EXPECT_THROW(cell(random_variable({4, 3}, 2)), ShapeError);
  cell.reset_state();
  EXPECT_EQ(cell(random_variable({4, 3}, 2)).shape(), Shape({4, 5}));
}

TEST(NaryTreeLstmTest, AnyChildMayBeMissing) {
  NaryTreeLstm tree({.in = 2, .out = 3, .dtype = Dtype::kFloat64}, 2);
  const Variable x = random_variable({4, 2}, 1), c = random_variable({4, 3}, 2), h = random_variable({4, 3}, 3);
  const Variable none(zeros({4, 3}, Dtype::kFloat64));
  const auto missing = tree({Variable(), c}, {Variable(), h}, x), zero = tree({none, c}, {none, h}, x);
  EXPECT_EQ(to_vector<double>(missing.h.array()), to_vector<double>(zero.h.array()));
  EXPECT_EQ(to_vector<double>(missing.c.array()), to_vector<double>(zero.c.array()));
  EXPECT_EQ(to_vector<double>(tree({Variable(), c}, {Variable(), h}, Variable()).h.array()).size(), 12u);
  EXPECT_THROW(tree({Variable()}, {Variable()}, Variable()), ValueError);
}

TEST(NStepTest, OrderOfTheSequencesDoesNotMatter) {
  const auto network = n_step_bilstm({.layers = 1, .in = 2, .out = 3, .dtype = Dtype::kFloat64});
  const Variables xs = {random_variable({2, 2}, 1), random_variable({4, 2}, 2), random_variable({3, 2}, 3)};
  const NStepRnn::Result all = (*network)({}, {}, xs);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const NStepRnn::Result alone = (*network)({}, {}, {xs[i]});
    EXPECT_TRUE(testing::near(all.ys[i].array(), alone.ys[0].array(), 1e-13)) << i;
    EXPECT_TRUE(testing::near(functions::select(all.h, 1, static_cast<std::int64_t>(i)).array(),
                              functions::select(alone.h, 1, 0).array(), 1e-13));
  }
}

TEST(NStepTest, EmptySequencesHaveNoOutputsAndKeepTheirState) {
  for (const NStepKind kind : {NStepKind::kLstm, NStepKind::kGru, NStepKind::kTanh, NStepKind::kRelu}) {
    for (const bool both : {false, true}) {
      SCOPED_TRACE(detail::join("kind ", static_cast<int>(kind), both ? ", both directions" : ""));
      NStepRnn network(kind, both, {.layers = 2, .in = 3, .out = 2, .dtype = Dtype::kFloat64});
      const std::int64_t width = both ? 4 : 2;
      const Variable h = random_variable({both ? 4 : 2, 3, 2}, 9);
      const Variable none = random_variable({0, 3}, 1), x = random_variable({2, 3}, 2);
      const NStepRnn::Result mixed = network(h, {}, {none, x, none});
      const NStepRnn::Result alone = network(functions::slice(h, 1, {.start = 1, .stop = 2}), {}, {x});
      for (const std::size_t i : {0, 2}) {
        EXPECT_EQ(mixed.ys[i].shape(), Shape({0, width}));
        EXPECT_EQ(mixed.ys[i].dtype(), Dtype::kFloat64);
        const auto at = static_cast<std::int64_t>(i);
        EXPECT_EQ(to_vector<double>(mixed.h.array().select(1, at)), to_vector<double>(h.array().select(1, at)));
      }
      EXPECT_TRUE(testing::near(mixed.ys[1].array(), alone.ys[0].array(), 1e-13));
      EXPECT_TRUE(testing::near(mixed.h.array().select(1, 1), alone.h.array().select(1, 0), 1e-13));
      const NStepRnn::Result all = network({}, {}, {none, none});
      EXPECT_EQ(all.ys.size(), 2u);
      EXPECT_EQ(all.ys[1].shape(), Shape({0, width}));
      EXPECT_EQ(all.h.shape(), Shape({both ? 4 : 2, 2, 2}));
      EXPECT_EQ(static_cast<bool>(all.c), kind == NStepKind::kLstm);
    }
  }
}

TEST(NStepTest, ASequenceAloneHasTheSameGradient) {
  const auto network = n_step_bilstm({.layers = 1, .in = 2, .out = 3, .dtype = Dtype::kFloat64});
  const Variables xs = {random_variable({2, 2}, 1), random_variable({4, 2}, 2)};
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const auto gradient = [&](const Variable& y) { return grad({functions::sum(y * y)}, {xs[i]})[0].array(); };
    const NStepRnn::Result all = (*network)({}, {}, xs), alone = (*network)({}, {}, {xs[i]});
    EXPECT_TRUE(testing::near(gradient(alone.ys[0]), gradient(all.ys[i]), 1e-13)) << i;
  }
}

/// A parameter's numbers, by its key.
std::vector<float> numbers(Link& link, const std::string& path) {
  for (const Link::NamedParameter& named : link.named_parameters()) {
    if (named.path == path) return to_vector<float>(named.parameter->array());
  }
  return {};
}

TEST(CellTest, ForgetGatesStartAsInChainer) {
  const CellOptions o{.in = 1, .out = 1};
  Lstm plain(o);
  StatefulPeepholeLstm peephole(o);
  StatefulZoneoutLstm zoneout(o);
  EXPECT_EQ(numbers(plain, "upward/b"), (std::vector<float>{0, 0, 1, 0}));
  EXPECT_EQ(numbers(peephole, "upward/b"), (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(numbers(zoneout, "upward/b"), (std::vector<float>{0, 0, 0, 0}));
  StatefulZoneoutLstm told({.in = 1, .out = 1, .forget_bias_init = 2});
  EXPECT_EQ(numbers(told, "upward/b"), (std::vector<float>{0, 0, 2, 0}));
}

TEST(CellTest, InitializersAreTheOptions) {
  using ::testing::Each;
  const CellOptions o{.in = kLazySize,
                      .out = 2,
                      .forget_bias_init = 7,
                      .upward_init = init::constant(2),
                      .lateral_init = init::constant(3),
                      .bias_init = init::constant(4)};
  const Variable x(ones({1, 3}));
  Lstm lstm(o);
  StatefulGru gru(o);
  StatefulMgu mgu(o);
  for (UnaryLink* cell : {static_cast<UnaryLink*>(&lstm), static_cast<UnaryLink*>(&gru), static_cast<UnaryLink*>(&mgu)})
    (*cell)(x);
  EXPECT_THAT(numbers(lstm, "upward/W"), Each(2.0f));
  EXPECT_THAT(numbers(lstm, "lateral/W"), Each(3.0f));
  EXPECT_EQ(numbers(lstm, "upward/b"), (std::vector<float>{4, 4, 7, 4, 4, 4, 7, 4}));
  EXPECT_THAT(numbers(gru, "W_z/W"), Each(2.0f));
  EXPECT_THAT(numbers(gru, "U_r/W"), Each(3.0f));
  EXPECT_THAT(numbers(gru, "U_r/b"), Each(4.0f));
  EXPECT_THAT(numbers(mgu, "W_f/W"), Each(2.0f));
  const auto layers =
      n_step_gru({.layers = 1, .in = 2, .out = 2, .initial_W = init::constant(5), .initial_b = init::constant(6)});
  EXPECT_THAT(numbers(*layers, "0/w0"), Each(5.0f));
  EXPECT_THAT(numbers(*layers, "0/b5"), Each(6.0f));
}

TEST(CellTest, EachGateHasAFanOfItsOwn) {
  Lstm lstm({.in = 2, .out = 3, .lateral_init = init::orthogonal(1)});
  const Array W = lstm.lateral.W.array();
  for (std::int64_t gate = 0; gate < 4; ++gate) {
    const Variable block(W.slice(0, {.start = 3 * gate, .stop = 3 * gate + 3}).copy());
    const std::vector<float> squares = to_vector<float>(functions::sum(block * block, {1}).array());
    for (const float length : squares) EXPECT_NEAR(length, 1, 1e-5);
  }
}

}  // namespace
}  // namespace rensa
