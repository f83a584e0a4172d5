#include "trainer/images/resample_kernels.h"

#include <algorithm>
#include <cstring>

// Highway compiles the code below once per instruction set by including this file again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/images/resample_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rensa::images::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, kMostLanes>;
using I32 = hn::Rebind<std::int32_t, F32>;
using U8 = hn::Rebind<std::uint8_t, F32>;

HWY_INLINE hn::Vec<F32> Load(const std::uint8_t* in) {
  return hn::ConvertTo(F32(), hn::PromoteTo(I32(), hn::LoadU(U8(), in)));
}
HWY_INLINE hn::Vec<F32> Load(const float* in) { return hn::LoadU(F32(), in); }

void WidenRow(const std::uint8_t* in, std::size_t count, float* out) {
  const std::size_t lanes = hn::Lanes(F32());
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(Load(in + i), F32(), out + i);
  for (; i < count; ++i) out[i] = static_cast<float>(in[i]);
}

// One RGB pixel and a lane to spare, in whatever registers there are. What the spare lane stores is overwritten by the
// next pixel; the last one of a row is stored without it.
using Pixel = float __attribute__((vector_size(16)));

HWY_INLINE Pixel LoadPixel(const float* from) {
  Pixel pixel;
  std::memcpy(&pixel, from, sizeof pixel);
  return pixel;
}

template <int kTaps>
HWY_INLINE void BlendColumnsOf(const float* const* in, const ColumnWeights& columns, float* const* out) {
  const int taps = kTaps > 0 ? kTaps : columns.taps;
  const auto blend = [&](int x, Pixel* sums) HWY_ATTR {
    const float* weights = columns.weights + std::ptrdiff_t{x} * taps;
    const std::ptrdiff_t from = columns.first[x];
    for (int r = 0; r < kRowsAtOnce; ++r) sums[r] = weights[0] * LoadPixel(in[r] + from);
    for (int k = 1; k < taps; ++k) {
      for (int r = 0; r < kRowsAtOnce; ++r) sums[r] += weights[k] * LoadPixel(in[r] + from + 3 * k);
    }
  };
  const int last = columns.size - 1;
  Pixel sums[kRowsAtOnce];
  for (int x = 0; x < last; ++x) {
    blend(x, sums);
    for (int r = 0; r < kRowsAtOnce; ++r) std::memcpy(out[r] + 3 * std::ptrdiff_t{x}, &sums[r], sizeof sums[r]);
  }
  blend(last, sums);
  for (int r = 0; r < kRowsAtOnce; ++r) std::memcpy(out[r] + 3 * std::ptrdiff_t{last}, &sums[r], 3 * sizeof(float));
}

void BlendColumns(const float* const* in, const ColumnWeights& columns, float* const* out) {
  switch (columns.taps) {  // known numbers of taps become straight code
    case 1:
      return BlendColumnsOf<1>(in, columns, out);
    case 2:
      return BlendColumnsOf<2>(in, columns, out);
    case 3:
      return BlendColumnsOf<3>(in, columns, out);
    case 4:
      return BlendColumnsOf<4>(in, columns, out);
    case 5:
      return BlendColumnsOf<5>(in, columns, out);
    default:
      return BlendColumnsOf<0>(in, columns, out);
  }
}

/// Calls store(i, three vectors) with the weighted sums of each three vectors, and store_one(i, sum) for what is left.
/// Three vectors are a whole number of pixels.
template <int kCount, class T, class Store, class StoreOne>
HWY_INLINE void SumRows(const T* const* rows, const float* weights, int runtime_count, std::size_t width,
                        const Store& store, const StoreOne& store_one) {
  const F32 f32;
  const std::size_t lanes = hn::Lanes(f32);
  const int count = kCount > 0 ? kCount : runtime_count;
  std::size_t i = 0;
  for (; i + 3 * lanes <= width; i += 3 * lanes) {
    auto weight = hn::Set(f32, weights[0]);
    auto sum0 = hn::Mul(weight, Load(rows[0] + i)), sum1 = hn::Mul(weight, Load(rows[0] + i + lanes));
    auto sum2 = hn::Mul(weight, Load(rows[0] + i + 2 * lanes));
    for (int k = 1; k < count; ++k) {
      weight = hn::Set(f32, weights[k]);
      sum0 = hn::MulAdd(weight, Load(rows[k] + i), sum0);
      sum1 = hn::MulAdd(weight, Load(rows[k] + i + lanes), sum1);
      sum2 = hn::MulAdd(weight, Load(rows[k] + i + 2 * lanes), sum2);
    }
    store(i, sum0, sum1, sum2);
  }
  for (; i < width; ++i) {
    float sum = weights[0] * static_cast<float>(rows[0][i]);
    for (int k = 1; k < count; ++k) sum += weights[k] * static_cast<float>(rows[k][i]);
    store_one(i, sum);
  }
}

template <class T, class Store, class StoreOne>
HWY_INLINE void SumRowsOfCount(const T* const* rows, const float* weights, int count, std::size_t width,
                               const Store& store, const StoreOne& store_one) {
  switch (count) {
    case 1:
      return SumRows<1>(rows, weights, count, width, store, store_one);
    case 2:
      return SumRows<2>(rows, weights, count, width, store, store_one);
    case 3:
      return SumRows<3>(rows, weights, count, width, store, store_one);
    default:
      return SumRows<0>(rows, weights, count, width, store, store_one);
  }
}

/// The affine maps of three vectors' lanes.
struct AffineLanes {
  hn::Vec<F32> scale0, scale1, scale2, shift0, shift1, shift2;

  explicit AffineLanes(const Affine& affine) {
    const F32 f32;
    const std::size_t lanes = hn::Lanes(f32);
    scale0 = hn::LoadU(f32, affine.scale);
    scale1 = hn::LoadU(f32, affine.scale + lanes);
    scale2 = hn::LoadU(f32, affine.scale + 2 * lanes);
    shift0 = hn::LoadU(f32, affine.shift);
    shift1 = hn::LoadU(f32, affine.shift + lanes);
    shift2 = hn::LoadU(f32, affine.shift + 2 * lanes);
  }
};

template <class T>
HWY_INLINE void BlendRowsToFloats(const T* const* rows, const float* weights, int count, std::size_t width,
                                  const Affine& affine, float* out) {
  const F32 f32;
  const std::size_t lanes = hn::Lanes(f32);
  const AffineLanes map(affine);
  SumRowsOfCount(
      rows, weights, count, width,
      [&](std::size_t i, auto sum0, auto sum1, auto sum2) {
        hn::StoreU(hn::MulAdd(sum0, map.scale0, map.shift0), f32, out + i);
        hn::StoreU(hn::MulAdd(sum1, map.scale1, map.shift1), f32, out + i + lanes);
        hn::StoreU(hn::MulAdd(sum2, map.scale2, map.shift2), f32, out + i + 2 * lanes);
      },
      [&](std::size_t i, float sum) { out[i] = sum * affine.scale[i % 3] + affine.shift[i % 3]; });
}

void BlendFloats(const float* const* rows, const float* weights, int count, std::size_t width, const Affine& affine,
                 float* out) {
  BlendRowsToFloats(rows, weights, count, width, affine, out);
}

void BlendBytes(const std::uint8_t* const* rows, const float* weights, int count, std::size_t width,
                const Affine& affine, float* out) {
  BlendRowsToFloats(rows, weights, count, width, affine, out);
}

void BlendRowsToBytes(const float* const* rows, const float* weights, int count, std::size_t width, std::uint8_t* out) {
  const F32 f32;
  const std::size_t lanes = hn::Lanes(f32);
  const auto half = hn::Set(f32, 0.5f);
  const auto rounded = [&](auto sum) { return hn::DemoteTo(U8(), hn::ConvertTo(I32(), hn::Add(sum, half))); };
  SumRowsOfCount(
      rows, weights, count, width,
      [&](std::size_t i, auto sum0, auto sum1, auto sum2) {
        hn::StoreU(rounded(sum0), U8(), out + i);
        hn::StoreU(rounded(sum1), U8(), out + i + lanes);
        hn::StoreU(rounded(sum2), U8(), out + i + 2 * lanes);
      },
      [&](std::size_t i, float sum) { out[i] = static_cast<std::uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f)); });
}

void NormalizeRow(const std::uint8_t* in, std::size_t width, const Affine& affine, float* out) {
  const F32 f32;
  const std::size_t lanes = hn::Lanes(f32);
  const AffineLanes map(affine);
  std::size_t i = 0;
  for (; i + 3 * lanes <= width; i += 3 * lanes) {
    hn::StoreU(hn::MulAdd(Load(in + i), map.scale0, map.shift0), f32, out + i);
    hn::StoreU(hn::MulAdd(Load(in + i + lanes), map.scale1, map.shift1), f32, out + i + lanes);
    hn::StoreU(hn::MulAdd(Load(in + i + 2 * lanes), map.scale2, map.shift2), f32, out + i + 2 * lanes);
  }
  for (; i < width; ++i) out[i] = static_cast<float>(in[i]) * affine.scale[i % 3] + affine.shift[i % 3];
}

}  // namespace rensa::images::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::images {

HWY_EXPORT(WidenRow);
HWY_EXPORT(BlendColumns);
HWY_EXPORT(BlendFloats);
HWY_EXPORT(BlendBytes);
HWY_EXPORT(BlendRowsToBytes);
HWY_EXPORT(NormalizeRow);

void widen_row(const std::uint8_t* in, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(WidenRow)(in, count, out);
}

void blend_columns(const float* const* in, const ColumnWeights& columns, float* const* out) {
  HWY_DYNAMIC_DISPATCH(BlendColumns)(in, columns, out);
}

void blend_rows(const float* const* rows, const float* weights, int count, std::size_t width, const Affine& affine,
                float* out) {
  HWY_DYNAMIC_DISPATCH(BlendFloats)(rows, weights, count, width, affine, out);
}

void blend_rows(const std::uint8_t* const* rows, const float* weights, int count, std::size_t width,
                const Affine& affine, float* out) {
  HWY_DYNAMIC_DISPATCH(BlendBytes)(rows, weights, count, width, affine, out);
}

void blend_rows(const float* const* rows, const float* weights, int count, std::size_t width, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(BlendRowsToBytes)(rows, weights, count, width, out);
}

void normalize_row(const std::uint8_t* in, std::size_t width, const Affine& affine, float* out) {
  HWY_DYNAMIC_DISPATCH(NormalizeRow)(in, width, affine, out);
}

}  // namespace rensa::images
#endif
