#include "core/optimizers/gradient_hooks.h"

#include <cmath>

#include "core/array/random.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/math.h"
#include "core/kernels/memory.h"
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

double sum_of_squares(const Array& dense) {
  const auto offset = static_cast<std::byte*>(dense.raw_data()) - dense.buffer()->data();
  const Array line(dense.buffer(), static_cast<std::size_t>(offset), {dense.size()}, {1}, dense.dtype());
  return kernels::sum_of_squares(line, {}).item<double>();
}

}  // namespace

Optimizer::Hook gradient_clipping(double threshold) {
  return [=](Optimizer& optimizer) {
    double squares = 0;
    for_each(optimizer, [&](const Parameter&, const Array& g) { squares += sum_of_squares(g); });
    const double length = std::sqrt(squares);
    if (length <= threshold) return;
    const double scale = threshold / length;
    for_each(optimizer, [&](const Parameter&, const Array& g) { g.copy_from(kernels::mul_number(g, scale)); });
  };
}

Optimizer::Hook gradient_hard_clipping(double lower, double upper) {
  if (!(lower <= upper))
    throw ValueError("gradient_hard_clipping: lower is ", lower, ", upper ", upper, "; they cross.");
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](const Parameter&, const Array& g) { g.copy_from(kernels::clip(g, lower, upper)); });
  };
}

Optimizer::Hook gradient_lars(double threshold, double weight_decay, double eps) {
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](const Parameter& p, const Array& g) {
      const double of_p = std::sqrt(sum_of_squares(p.array())), of_g = std::sqrt(sum_of_squares(g));
      const double rate = of_p > threshold ? of_p / (eps + of_g + weight_decay * of_p) : 1;
      kernels::accumulate(g, kernels::mul_number(p.array().to(g.dtype()), weight_decay));
      g.copy_from(kernels::mul_number(g, rate));
    });
  };
}

Optimizer::Hook gradient_noise(double eta, std::uint64_t seed) {
  return [=](Optimizer& optimizer) {
    const double deviation = std::sqrt(eta / std::pow(1 + static_cast<double>(optimizer.t()), 0.55));
    std::uint64_t number = 0;
    for_each(optimizer, [&](const Parameter&, const Array& g) {
      RandomStream stream(seed, Purpose::kUser, static_cast<std::uint64_t>(optimizer.t()), number++);
      const Array noise = random::normal(g.shape(), stream, 0, deviation, Dtype::kFloat64);
      kernels::accumulate(g, noise.to(g.dtype()).to(g.device()));
    });
  };
}

Optimizer::Hook lasso(double rate) {
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](const Parameter& p, const Array& g) {
      const Array sign = kernels::sign(p.array().to(g.dtype()), Array(), /*order=*/0, {});
      kernels::accumulate(g, kernels::mul_number(sign, rate));
    });
  };
}

Optimizer::Hook weight_decay(double rate) {
  return [=](Optimizer& optimizer) {
    for_each(optimizer, [&](const Parameter& p, const Array& g) {
      kernels::accumulate(g, kernels::mul_number(p.array().to(g.dtype()), rate * p.weight_decay_scale));
    });
  };
}

}  // namespace rensa::hooks
