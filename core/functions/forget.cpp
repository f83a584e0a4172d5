#include "core/functions/forget.h"

#include <utility>

#include "core/autograd/function.h"
#include "core/autograd/graph.h"
#include "core/device/random.h"
#include "core/error.h"

namespace rensa::functions {
namespace {

using Body = std::function<Variables(const Variables&)>;

/// The first `count` inputs are f's, the others are the parameters that f was seen to use.
struct Forget final : Function {
  Body f;
  std::size_t count;
  RandomContext random;  ///< where f began to draw
  Arrays computed;       ///< until forward() has handed it out
  Forget(Body body, std::size_t n, const RandomContext& at, Arrays ys)
      : f(std::move(body)), count(n), random(at), computed(std::move(ys)) {}
  const char* name() const override { return "forget"; }

  Arrays forward(const Arrays& inputs) override {
    for (std::size_t i = 0; i < inputs.size(); ++i) retain_inputs(static_cast<int>(i));
    return std::exchange(computed, {});
  }

  Variables backward(const Variables& gys) override {
    if (config().enable_backprop)
      throw GraphError("forget: has no gradient of its gradient. Call the function without forget for that.");
    Variables leaves, wanted;
    for (int i = 0; i < inputs(); ++i) {
      const Variable kept = retained_input(i);
      if (static_cast<std::size_t>(i) < count) {
        leaves.emplace_back(kept.array(), /*requires_grad=*/needs_input_grad(i));
        wanted.push_back(leaves.back());
      } else {
        wanted.push_back(kept);
      }
    }
    const RandomContext here = std::exchange(random_context(), random);
    Variables ys;
    {
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
};

}  // namespace

Variables forget(const std::function<Variables(const Variables&)>& f, const Variables& xs) {
  if (!config().enable_backprop) return f(xs);
  const RandomContext random = random_context();
  Variables inputs = xs;
  Arrays computed;
  {
    Variables own;
    for (const Variable& x : xs) own.emplace_back(x.array(), x.requires_grad());
    const Variables ys = f(own);
    for (const Variable& y : ys) computed.push_back(y.array());
    for (const Variable& leaf : leaves_of(ys)) {
      bool is_input = false;
      for (const Variable& x : own) is_input = is_input || x.array().raw_data() == leaf.array().raw_data();
      if (!is_input) inputs.push_back(leaf);
    }
  }
  if (inputs.size() > 32) {
    throw GraphError("forget: the function uses ", inputs.size(),
                     " inputs and parameters, expected at most 32. Cut it into smaller parts.");
  }
  return apply_all(make_function<Forget>(f, xs.size(), random, std::move(computed)), inputs);
}

Variable forget(const std::function<Variable(const Variable&)>& f, const Variable& x) {
  return forget([f](const Variables& xs) { return Variables{f(xs[0])}; }, Variables{x})[0];
}

}  // namespace rensa::functions
