#include "core/kernels/optimizer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/optimizer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/for_each_vector-inl.h"

#ifndef RENSA_OPTIMIZER_SCALARS
#define RENSA_OPTIMIZER_SCALARS
namespace rensa::kernels {

/// The numbers of an update rule in the elements' type, rounded once.
template <class T>
struct Intake {
  explicit Intake(const GradientIntake& i) : scale(static_cast<T>(i.scale)), decay(static_cast<T>(i.weight_decay)) {}
  T scale, decay;
};

template <class T>
struct Adam {
  explicit Adam(const AdamStep& s)
      : rest1(static_cast<T>(1 - s.beta1)),
        rest2(static_cast<T>(1 - s.beta2)),
        eps(static_cast<T>(s.eps)),
        step(static_cast<T>(s.step)),
        decay(static_cast<T>(s.decay)) {}
  T rest1, rest2, eps, step, decay;
};

}  // namespace rensa::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace rensa::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class T>
HWY_INLINE hn::Vec<D> take_in(D d, const Intake<T>& intake, const T* g, hn::Vec<D> p) {
  return hn::MulAdd(hn::Set(d, intake.decay), p, hn::Mul(hn::Set(d, intake.scale), hn::LoadU(d, g)));
}

template <class T>
void Sgd(std::size_t count, T* p, const T* g, T lr, const Intake<T>& intake) {
  cpu::HWY_NAMESPACE::for_each_vector<T>(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto old = hn::LoadU(d, p + i);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, lr), take_in(d, intake, g + i, old), old), d, p + i);
  });
}

template <class T>
void Momentum(std::size_t count, T* p, const T* g, T* v, T lr, T momentum, const Intake<T>& intake) {
  cpu::HWY_NAMESPACE::for_each_vector<T>(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto old = hn::LoadU(d, p + i);
    const auto step = hn::Mul(hn::Set(d, lr), take_in(d, intake, g + i, old));
    const auto velocity = hn::MulSub(hn::Set(d, momentum), hn::LoadU(d, v + i), step);
    hn::StoreU(velocity, d, v + i);
    hn::StoreU(hn::Add(old, velocity), d, p + i);
  });
}

template <class T>
void Nesterov(std::size_t count, T* p, const T* g, T* v, T lr, T momentum, const Intake<T>& intake) {
  cpu::HWY_NAMESPACE::for_each_vector<T>(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto old = hn::LoadU(d, p + i);
    const auto step = hn::Mul(hn::Set(d, lr), take_in(d, intake, g + i, old));
    const auto velocity = hn::MulSub(hn::Set(d, momentum), hn::LoadU(d, v + i), step);
    hn::StoreU(velocity, d, v + i);
    hn::StoreU(hn::Add(old, hn::MulSub(hn::Set(d, momentum), velocity, step)), d, p + i);
  });
}

template <class T>
void AdamRule(std::size_t count, T* p, const T* g, T* m, T* v, const Adam<T>& adam, const Intake<T>& intake) {
  cpu::HWY_NAMESPACE::for_each_vector<T>(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto old = hn::LoadU(d, p + i), old_m = hn::LoadU(d, m + i), old_v = hn::LoadU(d, v + i);
    const auto gradient = take_in(d, intake, g + i, old);
    const auto first = hn::MulAdd(hn::Set(d, adam.rest1), hn::Sub(gradient, old_m), old_m);
    const auto second = hn::MulAdd(hn::Set(d, adam.rest2), hn::MulSub(gradient, gradient, old_v), old_v);
    hn::StoreU(first, d, m + i);
    hn::StoreU(second, d, v + i);
    const auto direction = hn::Div(first, hn::Add(hn::Sqrt(second), hn::Set(d, adam.eps)));
    const auto kept = hn::NegMulAdd(hn::Set(d, adam.decay), old, old);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, adam.step), direction, kept), d, p + i);
  });
}

double SquaresF64(std::size_t count, const double* x) {
  const hn::ScalableTag<double> d;
  const std::size_t lanes = hn::Lanes(d);
  auto sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto value = hn::LoadU(d, x + i);
    sum = hn::MulAdd(value, value, sum);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < count; ++i) total += x[i] * x[i];
  return total;
}

double SquaresF32(std::size_t count, const float* x) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const std::size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto value0 = hn::PromoteTo(d, hn::LoadU(half, x + i));
    const auto value1 = hn::PromoteTo(d, hn::LoadU(half, x + i + lanes));
    sum0 = hn::MulAdd(value0, value0, sum0);
    sum1 = hn::MulAdd(value1, value1, sum1);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (; i < count; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total;
}

// One name for each instance: the dispatch table wants functions.
void SgdF32(std::size_t n, float* p, const float* g, float lr, const Intake<float>& i) { Sgd(n, p, g, lr, i); }
void SgdF64(std::size_t n, double* p, const double* g, double lr, const Intake<double>& i) { Sgd(n, p, g, lr, i); }
void MomentumF32(std::size_t n, float* p, const float* g, float* v, float lr, float momentum, const Intake<float>& i) {
  Momentum(n, p, g, v, lr, momentum, i);
}
void MomentumF64(std::size_t n, double* p, const double* g, double* v, double lr, double momentum,
                 const Intake<double>& i) {
  Momentum(n, p, g, v, lr, momentum, i);
}
void NesterovF32(std::size_t n, float* p, const float* g, float* v, float lr, float momentum, const Intake<float>& i) {
  Nesterov(n, p, g, v, lr, momentum, i);
}
void NesterovF64(std::size_t n, double* p, const double* g, double* v, double lr, double momentum,
                 const Intake<double>& i) {
  Nesterov(n, p, g, v, lr, momentum, i);
}
void AdamF32(std::size_t n, float* p, const float* g, float* m, float* v, const Adam<float>& a,
             const Intake<float>& i) {
  AdamRule(n, p, g, m, v, a, i);
}
void AdamF64(std::size_t n, double* p, const double* g, double* m, double* v, const Adam<double>& a,
             const Intake<double>& i) {
  AdamRule(n, p, g, m, v, a, i);
}

}  // namespace rensa::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::kernels {

HWY_EXPORT(SgdF32);
HWY_EXPORT(SgdF64);
HWY_EXPORT(MomentumF32);
HWY_EXPORT(MomentumF64);
HWY_EXPORT(NesterovF32);
HWY_EXPORT(NesterovF64);
HWY_EXPORT(AdamF32);
HWY_EXPORT(AdamF64);
HWY_EXPORT(SquaresF32);
HWY_EXPORT(SquaresF64);

namespace {

constexpr std::int64_t kSumBlock = 16384;  // elements summed by one thread at a time

template <class T, class F32, class F64>
auto of_type(F32 f32, F64 f64) {
  if constexpr (std::is_same_v<T, float>) {
    return f32;
  } else {
    return f64;
  }
}

/// Calls body(TypeTag, begin, count) on the threads of the pool; `arrays` is what one element of the loop reads and
/// writes.
template <class Body>
void for_each_part(const char* name, const Array& p, int arrays, const Body& body) {
  dispatch_floating(p.dtype(), name, [&](auto tag) {
    cpu::for_each_block(
        p.size(),
        [&](std::int64_t begin, std::int64_t end) { body(tag, begin, static_cast<std::size_t>(end - begin)); },
        arrays * static_cast<std::int64_t>(item_size(p.dtype())));
  });
}

void sgd_cpu(const Array& p, const Array& g, double lr, const GradientIntake& given) {
  if (!is_made(given)) return;
  const GradientIntake intake = decided(given);
  for_each_part("sgd", p, 3, [&](auto tag, std::int64_t begin, std::size_t count) {
    using T = typename decltype(tag)::type;
    const auto update = of_type<T>(HWY_DYNAMIC_DISPATCH(SgdF32), HWY_DYNAMIC_DISPATCH(SgdF64));
    update(count, p.data<T>() + begin, g.data<T>() + begin, static_cast<T>(lr), Intake<T>(intake));
  });
}

void momentum_sgd_cpu(const Array& p, const Array& g, const Array& v, double lr, double momentum,
                      const GradientIntake& given) {
  if (!is_made(given)) return;
  const GradientIntake intake = decided(given);
  for_each_part("momentum_sgd", p, 5, [&](auto tag, std::int64_t begin, std::size_t count) {
    using T = typename decltype(tag)::type;
    const auto update = of_type<T>(HWY_DYNAMIC_DISPATCH(MomentumF32), HWY_DYNAMIC_DISPATCH(MomentumF64));
    update(count, p.data<T>() + begin, g.data<T>() + begin, v.data<T>() + begin, static_cast<T>(lr),
           static_cast<T>(momentum), Intake<T>(intake));
  });
}

void nesterov_ag_cpu(const Array& p, const Array& g, const Array& v, double lr, double momentum,
                     const GradientIntake& given) {
  if (!is_made(given)) return;
  const GradientIntake intake = decided(given);
  for_each_part("nesterov_ag", p, 5, [&](auto tag, std::int64_t begin, std::size_t count) {
    using T = typename decltype(tag)::type;
    const auto update = of_type<T>(HWY_DYNAMIC_DISPATCH(NesterovF32), HWY_DYNAMIC_DISPATCH(NesterovF64));
    update(count, p.data<T>() + begin, g.data<T>() + begin, v.data<T>() + begin, static_cast<T>(lr),
           static_cast<T>(momentum), Intake<T>(intake));
  });
}

void adam_cpu(const Array& p, const Array& g, const Array& m, const Array& v, const AdamStep& asked,
              const GradientIntake& given) {
  if (!is_made(given)) return;
  const GradientIntake intake = decided(given);
  AdamStep step = asked;
  if (given.control) {
    step.step = formulas::adam_size(step.alpha, step.beta1, step.beta2, step.t - given.control[formulas::kLeftOut]);
  }
  for_each_part("adam", p, 7, [&](auto tag, std::int64_t begin, std::size_t count) {
    using T = typename decltype(tag)::type;
    const auto update = of_type<T>(HWY_DYNAMIC_DISPATCH(AdamF32), HWY_DYNAMIC_DISPATCH(AdamF64));
    update(count, p.data<T>() + begin, g.data<T>() + begin, m.data<T>() + begin, v.data<T>() + begin, Adam<T>(step),
           Intake<T>(intake));
  });
}

/// Where they lie, or widened.
const float* elements(const Array& x, std::int64_t begin, std::int64_t count, float* widened) {
  if (!is_half(x.dtype())) return x.data<float>() + begin;
  cpu::widen(x.raw_data(), x.dtype(), begin, widened, count);
  return widened;
}
const double* elements(const Array& x, std::int64_t begin, std::int64_t, double*) { return x.data<double>() + begin; }

double squares_of(const Array& x) {
  const std::int64_t size = x.size(), blocks = (size + kSumBlock - 1) / kSumBlock;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  cpu::dispatch_computed(x.dtype(), "sum_of_squares", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto squares = of_type<T>(HWY_DYNAMIC_DISPATCH(SquaresF32), HWY_DYNAMIC_DISPATCH(SquaresF64));
    cpu::for_each_block(
        blocks,
        [&](std::int64_t begin, std::int64_t end) {
          std::vector<T> widened(is_half(x.dtype()) ? kSumBlock : 0);
          for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * kSumBlock, count = std::min(size - first, kSumBlock);
            const T* values = elements(x, first, count, widened.data());
            sums[static_cast<std::size_t>(block)] = squares(static_cast<std::size_t>(count), values);
          }
        },
        kSumBlock * static_cast<std::int64_t>(sizeof(T)));
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

Array sum_of_squares_cpu(const Array& first, const std::vector<Array>& others) {
  double total = squares_of(first);
  for (const Array& x : others) total += squares_of(x);
  return full({1}, total, Dtype::kFloat64);
}

void decide_step_cpu(const Array& control, const Array& squares, const StepDecision& decision) {
  formulas::decide_step(control.data<double>(), *squares.data<double>(), decision);
}

void adopt_values_cpu(const Array& masters, const Array& values) {
  cpu::for_each_block(
      values.size(),
      [&](std::int64_t begin, std::int64_t end) {
        std::uint16_t rounded[cpu::kHalfBlock];
        const auto* known = static_cast<const std::uint16_t*>(values.raw_data());
        for (std::int64_t i = begin; i < end; i += cpu::kHalfBlock) {
          const std::int64_t count = std::min(cpu::kHalfBlock, end - i);
          float* master = masters.data<float>() + i;
          cpu::narrow(master, rounded, values.dtype(), 0, count);
          if (std::memcmp(rounded, known + i, static_cast<std::size_t>(count) * 2) == 0) continue;
          for (std::int64_t k = 0; k < count; ++k) {
            if (rounded[k] != known[i + k]) cpu::widen(values.raw_data(), values.dtype(), i + k, master + k, 1);
          }
        }
      },
      /*cost=*/6);
}

const Implementation cpu_adopt_values(adopt_values, DeviceKind::kCpu, adopt_values_cpu);
const Implementation cpu_sgd(sgd_update, DeviceKind::kCpu, sgd_cpu);
const Implementation cpu_momentum_sgd(momentum_sgd_update, DeviceKind::kCpu, momentum_sgd_cpu);
const Implementation cpu_nesterov_ag(nesterov_ag_update, DeviceKind::kCpu, nesterov_ag_cpu);
const Implementation cpu_adam(adam_update, DeviceKind::kCpu, adam_cpu);
const Implementation cpu_decide_step(decide_step, DeviceKind::kCpu, decide_step_cpu);
const Implementation cpu_sum_of_squares(sum_of_squares, DeviceKind::kCpu, sum_of_squares_cpu);

}  // namespace
}  // namespace rensa::kernels
#endif
