#include "core/optimizers/gradient_hooks.h"

#include <algorithm>
#include <cmath>

#include "core/array/dispatch.h"
#include "core/array/random.h"
#include "core/error.h"
#include "core/kernels/optimizer.h"

namespace rensa::hooks {
namespace {

template <class Act>
void for_each(Optimizer& optimizer, const Act& act) {
  for (const ParameterArena& arena : optimizer.arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) {
      if (!slot.parameter->update_enabled) continue;
      const Array g = slot.parameter->grad();
      if (!g)
        throw GraphError("hook: the gradient of ", slot.parameter->name(),
                         " has no place of its own. Set zero = 0 or 1.");
      act(*slot.parameter, g);
    }
  }
}

/// g ← act(g, p), element by element; both lie dense in the same order of axes.
template <class Act>
void change(const Parameter& parameter, const Array& g, const Act& act) {
  const Array& p = parameter.array();
  dispatch_floating(g.dtype(), "hook", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* gradient = g.data<T>();
    const T* value = p.data<T>();
    for (std::int64_t i = 0; i < g.size(); ++i) gradient[i] = static_cast<T>(act(gradient[i], value[i]));
  });
}

/// The elements in the order of memory, as a line.
Array flat(const Array& dense) {
  const auto offset = static_cast<std::byte*>(dense.raw_data()) - dense.buffer()->data();
  return Array(dense.buffer(), static_cast<std::size_t>(offset), {dense.size()}, {1}, dense.dtype());
}
double norm(const Array& dense) { return std::sqrt(kernels::sum_of_squares(flat(dense), {}).item<double>()); }

}  // namespace

Optimizer::Hook gradient_clipping(double threshold) {
  return [=](Optimizer& optimizer) {
    double squares = 0;
    for_each(optimizer,
             [&](Parameter&, const Array& g) { squares += kernels::sum_of_squares(flat(g), {}).item<double>(); });
    const double length = std::sqrt(squares);
    if (length <= threshold) return;
    const double scale = threshold / length;
    for_each(optimizer, [&](Parameter& p, const Array& g) { change(p, g, [=](auto x, auto) { return x * scale; }); });
  };
}

Optimizer::Hook gradient_hard_clipping(double lower, double upper) {
  if (!(lower <= upper))
    throw ValueError("gradient_hard_clipping: lower is ", lower, ", upper ", upper, "; they cross.");
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](Parameter& p, const Array& g) {
      change(p, g, [=](auto x, auto) { return x < lower ? lower : x > upper ? upper : static_cast<double>(x); });
    });
  };
}

Optimizer::Hook gradient_lars(double threshold, double weight_decay, double eps) {
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](Parameter& p, const Array& g) {
      const double of_p = norm(p.array()), of_g = norm(g);
      const double rate = of_p > threshold ? of_p / (eps + of_g + weight_decay * of_p) : 1;
      change(p, g, [=](auto x, auto value) { return (x + weight_decay * value) * rate; });
    });
  };
}

Optimizer::Hook gradient_noise(double eta, std::uint64_t seed) {
  return [=](Optimizer& optimizer) {
    const double deviation = std::sqrt(eta / std::pow(1 + static_cast<double>(optimizer.t()), 0.55));
    std::uint64_t number = 0;
    for_each(optimizer, [&](Parameter&, const Array& g) {
      RandomStream stream(seed, Purpose::kUser, static_cast<std::uint64_t>(optimizer.t()), number++);
      const Array noise = random::normal(g.shape(), stream, 0, deviation, Dtype::kFloat64);
      const Array sum = g.to(Dtype::kFloat64).contiguous().copy();
      for (std::int64_t i = 0; i < sum.size(); ++i) sum.data<double>()[i] += noise.data<double>()[i];
      g.copy_from(sum);
    });
  };
}

Optimizer::Hook lasso(double rate) {
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](Parameter& p, const Array& g) {
      change(p, g, [=](auto x, auto value) { return x + rate * ((value > 0) - (value < 0)); });
    });
  };
}

Optimizer::Hook weight_decay(double rate) {
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](Parameter& p, const Array& g) {
      const double scaled = rate * p.weight_decay_scale;
      change(p, g, [=](auto x, auto value) { return x + scaled * value; });
    });
  };
}

}  // namespace rensa::hooks
