#include "core/kernels/cpu/normalization_loops.h"

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/normalization_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/for_each_vector-inl.h"
#include "core/kernels/cpu/half_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {

/// Stores vectors of rows of channels.
template <class S>
class Writer {
 public:
  Writer(const Destination<S>& to, std::int64_t channels)
      : rows_(to.elements),
        streams_(to.past_caches && kBytes >= 16 && channels % kLanes == 0 &&  // no store past the caches is shorter
                 reinterpret_cast<std::uintptr_t>(to.elements) % kBytes == 0) {}

  template <class D>
  HWY_INLINE void operator()(hn::Vec<D> v, D d, std::int64_t at) const {
    if constexpr (hn::MaxLanes(d) == static_cast<std::size_t>(kLanes)) {
      if (streams_) return stream(v, d, rows_ + at);
    }
    store(v, d, rows_ + at);
  }

 private:
  static constexpr std::int64_t kLanes = hn::MaxLanes(hn::ScalableTag<Computed<S>>());
  static constexpr std::size_t kBytes = kLanes * sizeof(S);
  S* const rows_;
  const bool streams_;
};

template <class S>
void AddStatistics(const S* HWY_RESTRICT x, std::int64_t rows, std::int64_t channels,
                   const Computed<S>* HWY_RESTRICT origin, Computed<S>* HWY_RESTRICT a, Computed<S>* HWY_RESTRICT b) {
  for (const S* row = x; row < x + rows * channels; row += channels) {
    for_each_vector<Computed<S>>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto difference = hn::Sub(load(d, row + c), hn::LoadU(d, origin + c));
      hn::StoreU(hn::Add(hn::LoadU(d, a + c), difference), d, a + c);
      hn::StoreU(hn::MulAdd(difference, difference, hn::LoadU(d, b + c)), d, b + c);
    });
  }
}

/// A not-a-number passes relu.
template <bool kResidual, bool kRelu, class S>
void ScaleAndShiftRows(const S* HWY_RESTRICT x, const S* HWY_RESTRICT residual, const Destination<S>& y,
                       std::int64_t rows, std::int64_t channels, const Computed<S>* HWY_RESTRICT scale,
                       const Computed<S>* HWY_RESTRICT shift) {
  const Writer<S> write(y, channels);
  for (std::int64_t at = 0; at < rows * channels; at += channels) {
    for_each_vector<Computed<S>>(channels, [&](auto d, std::int64_t c) HWY_ATTR {
      auto v = hn::MulAdd(load(d, x + at + c), hn::LoadU(d, scale + c), hn::LoadU(d, shift + c));
      if constexpr (kResidual) v = hn::Add(v, load(d, residual + at + c));
      if constexpr (kRelu) v = hn::IfThenZeroElse(hn::Lt(v, hn::Zero(d)), v);
      write(v, d, at + c);
    });
  }
}

template <class S>
void ScaleAndShift(const S* x, const S* residual, const Destination<S>& y, std::int64_t rows, std::int64_t channels,
                   const Computed<S>* scale, const Computed<S>* shift, bool relu) {
  const auto loop = residual ? relu ? ScaleAndShiftRows<true, true, S> : ScaleAndShiftRows<true, false, S>
                    : relu   ? ScaleAndShiftRows<false, true, S>
                             : ScaleAndShiftRows<false, false, S>;
  loop(x, residual, y, rows, channels, scale, shift);
}

// What passes of gy: functions of (d, place of the element, its channel, x there).

template <class S>
auto everything(const S* gy) {
  return [gy](auto d, std::int64_t at, std::int64_t, auto) HWY_ATTR { return load(d, gy + at); };
}

template <class S>
auto above(const Threshold<Computed<S>>& threshold, const S* gy) {
  return [threshold, gy](auto d, std::int64_t at, std::int64_t c, auto x) HWY_ATTR {
    const auto y = hn::MulAdd(x, hn::LoadU(d, threshold.scale + c), hn::LoadU(d, threshold.shift + c));
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), load(d, gy + at));
  };
}

template <class S>
auto where_positive(const S* y, const S* gy, const Writer<S>& write) {
  return [y, gy, &write](auto d, std::int64_t at, std::int64_t, auto) HWY_ATTR {
    const auto passed = hn::IfThenElseZero(hn::Gt(load(d, y + at), hn::Zero(d)), load(d, gy + at));
    write(passed, d, at);
    return passed;
  };
}

template <class S, class Passing>
HWY_INLINE void add_sums(const GradientRows<S>& g, const Passing& passing, const Computed<S>* HWY_RESTRICT mean,
                         const Computed<S>* HWY_RESTRICT inv_std, Computed<S>* HWY_RESTRICT a,
                         Computed<S>* HWY_RESTRICT b) {
  for (std::int64_t at = 0; at < g.rows * g.channels; at += g.channels) {
    for_each_vector<Computed<S>>(g.channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto x = load(d, g.x + at + c);
      const auto gy = passing(d, at + c, c, x);
      const auto xhat = hn::Mul(hn::Sub(x, hn::LoadU(d, mean + c)), hn::LoadU(d, inv_std + c));
      hn::StoreU(hn::Add(hn::LoadU(d, a + c), gy), d, a + c);
      hn::StoreU(hn::MulAdd(gy, xhat, hn::LoadU(d, b + c)), d, b + c);
    });
  }
}

template <class S>
void AddGradientSums(const GradientRows<S>& g, const Threshold<Computed<S>>& threshold, const OutputMask<S>& mask,
                     const Computed<S>* mean, const Computed<S>* inv_std, Computed<S>* a, Computed<S>* b) {
  if (mask.y) {
    const Writer<S> write(mask.passed, g.channels);
    add_sums(g, where_positive(mask.y, g.gy, write), mean, inv_std, a, b);
  } else if (threshold.scale) {
    add_sums(g, above(threshold, g.gy), mean, inv_std, a, b);
  } else {
    add_sums(g, everything(g.gy), mean, inv_std, a, b);
  }
}

template <class S, class Passing>
HWY_INLINE void gradient_of(const GradientRows<S>& g, const Passing& passing, const Computed<S>* HWY_RESTRICT p,
                            const Computed<S>* HWY_RESTRICT q, const Computed<S>* HWY_RESTRICT r,
                            const Destination<S>& gx) {
  const Writer<S> write(gx, g.channels);
  for (std::int64_t at = 0; at < g.rows * g.channels; at += g.channels) {
    for_each_vector<Computed<S>>(g.channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const auto x = load(d, g.x + at + c);
      const auto rest = hn::MulAdd(x, hn::LoadU(d, q + c), hn::LoadU(d, r + c));
      write(hn::MulAdd(passing(d, at + c, c, x), hn::LoadU(d, p + c), rest), d, at + c);
    });
  }
}

template <class S>
void Gradient(const GradientRows<S>& g, const Threshold<Computed<S>>& threshold, const Computed<S>* p,
              const Computed<S>* q, const Computed<S>* r, const Destination<S>& gx) {
  threshold.scale ? gradient_of(g, above(threshold, g.gy), p, q, r, gx) : gradient_of(g, everything(g.gy), p, q, r, gx);
}

template <class S>
const NormalizationLoops<S>& loops() {
  static constexpr NormalizationLoops<S> all = {AddStatistics<S>, ScaleAndShift<S>, AddGradientSums<S>, Gradient<S>};
  return all;
}

// One name for each instance: the dispatch table wants functions.
const NormalizationLoops<float>& LoopsF32() { return loops<float>(); }
const NormalizationLoops<double>& LoopsF64() { return loops<double>(); }
const NormalizationLoops<Float16>& LoopsF16() { return loops<Float16>(); }
const NormalizationLoops<BFloat16>& LoopsB16() { return loops<BFloat16>(); }

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::cpu {

HWY_EXPORT(LoopsF32);
HWY_EXPORT(LoopsF64);
HWY_EXPORT(LoopsF16);
HWY_EXPORT(LoopsB16);

template <>
const NormalizationLoops<float>& normalization_loops() {
  return HWY_DYNAMIC_DISPATCH(LoopsF32)();
}
template <>
const NormalizationLoops<double>& normalization_loops() {
  return HWY_DYNAMIC_DISPATCH(LoopsF64)();
}
template <>
const NormalizationLoops<Float16>& normalization_loops() {
  return HWY_DYNAMIC_DISPATCH(LoopsF16)();
}
template <>
const NormalizationLoops<BFloat16>& normalization_loops() {
  return HWY_DYNAMIC_DISPATCH(LoopsB16)();
}

}  // namespace rensa::cpu
#endif
