#include "trainer/images/resample_kernels.h"

#include <cstring>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/images/resample_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rensa::images::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void BlendRows(const std::uint8_t* const* rows, const float* weights, int count, std::size_t width, float* out) {
  const hn::ScalableTag<float> f32;
  const hn::Rebind<std::int32_t, decltype(f32)> i32;
  const hn::Rebind<std::uint8_t, decltype(f32)> u8;
  const std::size_t lanes = hn::Lanes(f32);
  std::size_t i = 0;
  for (; i + 2 * lanes <= width; i += 2 * lanes) {
    auto sum0 = hn::Zero(f32), sum1 = hn::Zero(f32);
    for (int k = 0; k < count; ++k) {
      const auto weight = hn::Set(f32, weights[k]);
      const std::uint8_t* row = rows[k] + i;
      sum0 = hn::MulAdd(weight, hn::ConvertTo(f32, hn::PromoteTo(i32, hn::LoadU(u8, row))), sum0);
      sum1 = hn::MulAdd(weight, hn::ConvertTo(f32, hn::PromoteTo(i32, hn::LoadU(u8, row + lanes))), sum1);
    }
    hn::StoreU(sum0, f32, out + i);
    hn::StoreU(sum1, f32, out + i + lanes);
  }
  for (; i < width; ++i) {
    float sum = 0;
    for (int k = 0; k < count; ++k) sum += weights[k] * static_cast<float>(rows[k][i]);
    out[i] = sum;
  }
}

}  // namespace rensa::images::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::images {

HWY_EXPORT(BlendRows);

void blend_rows(const std::uint8_t* const* rows, const float* weights, int count, std::size_t width, float* out) {
  HWY_DYNAMIC_DISPATCH(BlendRows)(rows, weights, count, width, out);
}

// One RGB pixel and a lane to spare in a register of four floats: every 64-bit processor has it, nothing to choose.
using Pixel = float __attribute__((vector_size(16)));

Pixel load(const float* from) {
  Pixel pixel;
  std::memcpy(&pixel, from, sizeof pixel);
  return pixel;
}

void blend_columns(const float* in, const ColumnWeights& columns, const Affine& affine, float* out) {
  const Pixel scale = load(affine.scale), shift = load(affine.shift);
  for (int x = 0; x < columns.size; ++x) {
    const float* from = in + columns.first[x];
    const float* weights = columns.weights + std::ptrdiff_t{x} * columns.taps;
    Pixel sum{};
    for (int k = 0; k < columns.count[x]; ++k) sum += weights[k] * load(from + 3 * k);
    sum = sum * scale + shift;
    const bool last = x + 1 == columns.size;  // elsewhere the next pixel overwrites the spare lane
    std::memcpy(out + 3 * std::ptrdiff_t{x}, &sum, last ? 3 * sizeof(float) : sizeof sum);
  }
}

}  // namespace rensa::images
#endif
