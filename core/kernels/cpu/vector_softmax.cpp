#include "core/kernels/cpu/vector_softmax.h"

#include <cmath>
#include <limits>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/vector_softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/kernels/cpu/vector_parts-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu::HWY_NAMESPACE {
/// Four vectors at a time: one alone would wait for itself. Not-a-numbers are passed over, but for one in the first
/// place.
HWY_INLINE float maximum_of(const float* x, std::int64_t n) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto larger = [&](auto most, const float* at) HWY_ATTR {
    const auto v = hn::LoadU(d, at);
    return hn::IfThenElse(hn::Gt(v, most), v, most);
  };
  auto a = hn::Set(d, x[0]), b = a, c = a, e = a;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = larger(a, x + i);
    b = larger(b, x + i + lanes);
    c = larger(c, x + i + 2 * lanes);
    e = larger(e, x + i + 3 * lanes);
  }
  for (; i + lanes <= n; i += lanes) a = larger(a, x + i);
  float most = hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e))));
  for (; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

/// In one pass over memory: chunk by chunk, and where a chunk's maximum is above those before it, their sum is brought
/// to the new one (Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018).
LineSum SumOfLine(const float* x, std::int64_t n) {
  constexpr std::int64_t kChunk = 1024;  // stays in the nearest cache
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  float chunk[kChunk], most = kLeast;
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += kChunk) {
    const std::int64_t count = n - i < kChunk ? n - i : kChunk;
    const float maximum = maximum_of(x + i, count);
    if (maximum > most || std::isnan(maximum)) {
      sum *= std::exp(static_cast<double>(most) - static_cast<double>(maximum));
      most = maximum;
    }
    sum += exp_sum(x + i, most == kLeast ? 0.0f : most, chunk, count);
  }
  if (most == kLeast) sum = std::numeric_limits<double>::quiet_NaN();
  return {static_cast<double>(most), sum};
}

double SumOfDifferences(const float* x, float shift, std::int64_t n) {
  return sum_of(n, [&](std::int64_t i) HWY_ATTR { return x[i] - shift; });
}

void Softmax(const float* HWY_RESTRICT x, float* HWY_RESTRICT y, std::int64_t n) {
  const float share = static_cast<float>(1 / exp_sum(x, maximum_of(x, n), y, n));
  for (std::int64_t i = 0; i < n; ++i) y[i] *= share;
}

void SoftmaxGrad(const float* HWY_RESTRICT y, const float* HWY_RESTRICT gy, float* HWY_RESTRICT gx, std::int64_t n) {
  const float dot = static_cast<float>(sum_of(n, [&](std::int64_t i) HWY_ATTR { return gy[i] * y[i]; }));
  for (std::int64_t i = 0; i < n; ++i) gx[i] = y[i] * (gy[i] - dot);
}

void LogSoftmax(const float* HWY_RESTRICT x, float* HWY_RESTRICT y, std::int64_t n) {
  const LineSum line = SumOfLine(x, n);
  const float maximum = static_cast<float>(line.maximum), log_sum = static_cast<float>(std::log(line.sum));
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] - maximum - log_sum;
}

void LogSoftmaxGrad(const float* HWY_RESTRICT y, const float* HWY_RESTRICT gy, float* HWY_RESTRICT gx, std::int64_t n) {
  const float sum = static_cast<float>(sum_of(n, [&](std::int64_t i) HWY_ATTR { return gy[i]; }));
  map(y, gy, gx, n,
      [sum](auto d, auto v, auto g) HWY_ATTR { return hn::NegMulAdd(whole_exp(d, v), hn::Set(d, sum), g); });
}

void CrossEntropyGrad(const float* HWY_RESTRICT x, float maximum, float share, float everywhere, float g,
                      float* HWY_RESTRICT gx, std::int64_t n) {
  map(x, gx, n, [=](auto d, auto v) HWY_ATTR {
    const auto e = whole_exp(d, hn::Sub(v, hn::Set(d, maximum)));
    return hn::Mul(hn::Set(d, g), hn::Sub(hn::Mul(e, hn::Set(d, share)), hn::Set(d, everywhere)));
  });
}

}  // namespace rensa::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::cpu {

HWY_EXPORT(SumOfLine);
HWY_EXPORT(SumOfDifferences);
HWY_EXPORT(Softmax);
HWY_EXPORT(SoftmaxGrad);
HWY_EXPORT(LogSoftmax);
HWY_EXPORT(LogSoftmaxGrad);
HWY_EXPORT(CrossEntropyGrad);

LineSum vector_line_sum(const float* x, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(SumOfLine)(x, n); }
double vector_sum_of_differences(const float* x, float shift, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(SumOfDifferences)(x, shift, n);
}
void vector_softmax(const float* x, float* y, std::int64_t n) { HWY_DYNAMIC_DISPATCH(Softmax)(x, y, n); }
void vector_softmax_grad(const float* y, const float* gy, float* gx, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(SoftmaxGrad)(y, gy, gx, n);
}
void vector_log_softmax(const float* x, float* y, std::int64_t n) { HWY_DYNAMIC_DISPATCH(LogSoftmax)(x, y, n); }
void vector_log_softmax_grad(const float* y, const float* gy, float* gx, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(LogSoftmaxGrad)(y, gy, gx, n);
}
void vector_cross_entropy_grad(const float* x, float maximum, float share, float everywhere, float g, float* gx,
                               std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(CrossEntropyGrad)(x, maximum, share, everywhere, g, gx, n);
}

}  // namespace rensa::cpu
#endif
