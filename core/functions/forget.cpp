#include "core/functions/forget.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/autograd/function.h"
#include "core/autograd/graph.h"
#include "core/autograd/recomputing.h"
#include "core/device/random.h"
#include "core/error.h"

namespace rensa::functions {
namespace {

using Body = std::function<Variables(const Variables&)>;

/// What is known of f's first run.
struct FirstRun {
  RandomContext random;       ///< where f began to draw
  std::vector<Array> values;  ///< of same_in_both_runs()
  Arrays ys;                  ///< until forward() has handed them out
};

/// The first `count` inputs are f's, the others are what f was seen to use besides: parameters, and variables that were
/// computed before.
struct Forget final : Function {
  Body f;
  std::size_t count;
  FirstRun first;
  Forget(Body body, std::size_t n, FirstRun run) : f(std::move(body)), count(n), first(std::move(run)) {}
  const char* name() const override { return "forget"; }

  Arrays forward(const Arrays& inputs) override {
    for (std::size_t i = 0; i < inputs.size(); ++i) retain_inputs(static_cast<int>(i));
    return std::exchange(first.ys, {});
  }

  Variables backward(const Variables& gys) override {
    if (config().enable_backprop)
      throw GraphError("forget: has no gradient of its gradient. Call the function without forget for that.");
    Variables leaves, wanted, captured;
    for (int i = 0; i < inputs(); ++i) {
      const Variable kept = retained_input(i);
      if (static_cast<std::size_t>(i) < count) {
        leaves.emplace_back(kept.array(), /*requires_grad=*/needs_input_grad(i));
        wanted.push_back(leaves.back());
      } else {
        wanted.push_back(kept);
        captured.push_back(kept);
      }
    }
    // What is behind them has its turn in the walk that this one is part of.
    const detail::AsLeaves borders(captured);
    const RandomContext here = std::exchange(random_context(), first.random);
    Variables ys;
    {
      const detail::RunScope second_run(first.values, /*second=*/true);
      const ConfigScope again({.train = config().train, .enable_backprop = true, .in_recomputing = true});
      ys = f(leaves);
    }
    random_context() = here;
    Variables used_ys, used_gys;
    for (std::size_t i = 0; i < ys.size(); ++i) {
      if (!gys[i]) continue;
      used_ys.push_back(ys[i]);
      used_gys.push_back(gys[i]);
    }
    return grad(used_ys, wanted, used_gys);
  }
  void release_saved() override { first.values.clear(); }
};

}  // namespace

Variables forget(const std::function<Variables(const Variables&)>& f, const Variables& xs) {
  if (!config().enable_backprop) return f(xs);
  FirstRun run{.random = random_context(), .values = {}, .ys = {}};
  Variables inputs = xs;
  {
    Variables own;
    for (const Variable& x : xs) own.emplace_back(x.array(), x.requires_grad());
    const std::uint64_t mark = detail::last_function();
    const detail::RunScope first_run(run.values, /*second=*/false);
    const Variables ys = f(own);
    for (const Variable& y : ys) run.ys.push_back(y.array());
    for (const Variable& used : detail::taken_from_outside(ys, mark)) {
      const auto is_used = [&](const Variable& x) { return x.is(used); };
      if (std::none_of(own.begin(), own.end(), is_used)) inputs.push_back(used);
    }
  }
  if (inputs.size() > 32) {
    throw GraphError("forget: the function uses ", inputs.size(),
                     " inputs and parameters, expected at most 32. Cut it into smaller parts.");
  }
  return apply_all(make_function<Forget>(f, xs.size(), std::move(run)), inputs);
}

Variable forget(const std::function<Variable(const Variable&)>& f, const Variable& x) {
  return forget([f](const Variables& xs) { return Variables{f(xs[0])}; }, Variables{x})[0];
}

}  // namespace rensa::functions
