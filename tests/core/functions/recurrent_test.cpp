#include <gmock/gmock.h>

#include <functional>

#include "core/functions/joining.h"
#include "core/functions/recurrent.h"
#include "tests/core/functions/function_case.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

using NStep =
    std::function<F::NStepResult(const Variable& hx, const Variable& cx, const F::NStepWeights&, const Variables& xs)>;

/// Inputs hx, cx if there is one, W (sets, gates, n, n), b (sets, gates, n) and three steps.
FunctionCase n_step_case(const char* name, char sets, char gates, bool has_cell, NStep f) {
  FunctionCase c;
  c.name = name;
  const std::string s(1, sets), g(1, gates);
  c.inputs = {{s + "32", -1, 1}};
  if (has_cell) c.inputs.push_back({s + "32", -1, 1});
  for (const std::string& axes : {s + g + "22", s + g + "2", std::string("32"), std::string("32"), std::string("22")})
    c.inputs.push_back({axes, -1, 1});
  c.f = [f, has_cell](const Variables& x) {
    const std::size_t at = has_cell ? 2 : 1;
    F::NStepWeights weights;
    for (const Variable& set : F::separate(x[at])) {
      const Variables gates_of_set = F::separate(set);
      weights.W.push_back(gates_of_set);
    }
    for (const Variable& set : F::separate(x[at + 1])) {
      const Variables gates_of_set = F::separate(set);
      weights.b.push_back(gates_of_set);
    }
    const F::NStepResult result = f(x[0], has_cell ? x[1] : Variable(), weights, {x[at + 2], x[at + 3], x[at + 4]});
    Variables outputs = {result.h};
    if (has_cell) outputs.push_back(result.c);
    for (const Variable& y : result.ys) outputs.push_back(y);
    return outputs;
  };
  c.refusals = {
      {std::string(name) + ": expected", [f] { f(zeros({1, 1, 2}), zeros({1, 1, 2}), {}, {zeros({1, 2})}); }}};
  return c;
}

std::vector<FunctionCase> recurrent_cases() {
  const auto both = [](const F::LstmState& s) { return Variables{s.c, s.h}; };
  return {
      {.name = "lstm",
       .f = of([=](V c, V x) { return both(F::lstm(c, x)); }),
       .inputs = {{"42"}, {"38"}},
       .refusals = {{"lstm: expected c (batch, n)", [] { F::lstm(zeros({2, 3}), zeros({2, 3})); }}}},
      {.name = "slstm",
       .f = of([=](V a, V b, V x, V y) { return both(F::slstm(a, b, x, y)); }),
       .inputs = {{"a1"}, {"a1"}, {"a4"}, {"a4"}},
       .may_be_empty = "a",
       .refusals = {{"slstm: expected c (batch, n)",
                     [] { F::slstm(zeros({2, 3}), zeros({2, 3}), zeros({2, 3}), zeros({2, 3})); }}}},
      {.name = "tree_lstm",
       .f = of([=](V a, V b, V x) { return both(F::tree_lstm({a, b}, x)); }),
       .inputs = {{"a1"}, {"a1"}, {"a5"}},
       .may_be_empty = "a",
       .refusals = {{"tree_lstm: with 1 children", [] { F::tree_lstm({zeros({2, 3})}, zeros({2, 3})); }}}},
      n_step_case("n_step_lstm", '2', '8', true,
                  [](V h, V c, const F::NStepWeights& w, const Variables& xs) {
                    return F::n_step_lstm(static_cast<int>(h.shape()[0]), 0, h, c, w, xs);
                  }),
      n_step_case(
          "n_step_bilstm", '2', '8', true,
          [](V h, V c, const F::NStepWeights& w, const Variables& xs) { return F::n_step_bilstm(1, 0, h, c, w, xs); }),
      n_step_case("n_step_gru", '2', '6', false,
                  [](V h, V, const F::NStepWeights& w, const Variables& xs) {
                    return F::n_step_gru(static_cast<int>(h.shape()[0]), 0, h, w, xs);
                  }),
      n_step_case(
          "n_step_bigru", '2', '6', false,
          [](V h, V, const F::NStepWeights& w, const Variables& xs) { return F::n_step_bigru(1, 0, h, w, xs); }),
      n_step_case("n_step_rnn", '2', '2', false,
                  [](V h, V, const F::NStepWeights& w, const Variables& xs) {
                    return F::n_step_rnn(static_cast<int>(h.shape()[0]), 0, h, w, xs);
                  }),
      n_step_case(
          "n_step_birnn", '2', '2', false,
          [](V h, V, const F::NStepWeights& w, const Variables& xs) { return F::n_step_birnn(1, 0, h, w, xs); }),
  };
}

INSTANTIATE_TEST_SUITE_P(Recurrent, FunctionCaseTest, ::testing::ValuesIn(recurrent_cases()), case_name);

}  // namespace
}  // namespace rensa::testing
