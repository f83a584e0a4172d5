#include "comm/shm/direct_reduction.h"

#include <algorithm>
#include <array>

#include "core/error.h"

// Highway compiles the code below once per instruction set by including this file again. Most loops are left to the
// compiler, which makes vectors of the set's width of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "comm/shm/direct_reduction.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef RENSA_DIRECT_REDUCTION_JOB
#define RENSA_DIRECT_REDUCTION_JOB
namespace rensa::shm {

struct ReductionJob {
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  std::int64_t begin, end;
  Dtype dtype;
  Reduce op;
};

}  // namespace rensa::shm
#endif

HWY_BEFORE_NAMESPACE();
namespace rensa::shm::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kTile = 2048;  ///< elements that are reduced while they lie in the first-level cache

struct Sum {
  template <class T>
  static HWY_INLINE T join(T a, T b) {
    return static_cast<T>(a + b);
  }
};
struct Product {
  template <class T>
  static HWY_INLINE T join(T a, T b) {
    return static_cast<T>(a * b);
  }
};
struct Max {
  template <class T>
  static HWY_INLINE T join(T a, T b) {
    return b > a || b != b ? b : a;
  }
};
struct Min {
  template <class T>
  static HWY_INLINE T join(T a, T b) {
    return b < a || b != b ? b : a;
  }
};

/// What elements of type T are reduced in.
template <class T>
struct Accumulated {
  using Type = T;
};
template <>
struct Accumulated<Float16> {
  using Type = float;
};
template <>
struct Accumulated<BFloat16> {
  using Type = float;
};

template <class T, class A>
HWY_INLINE void load(const T* from, A* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<A>(from[i]);
}
HWY_INLINE void load(const Float16* from, float* to, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* bits = reinterpret_cast<const hwy::float16_t*>(from);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::PromoteTo(d, hn::LoadU(half, bits + i)), d, to + i);
  for (; i < count; ++i) to[i] = from[i];
}

template <class A, class T>
HWY_INLINE void store(const A* from, T* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i]);
}
HWY_INLINE void store(const float* from, Float16* to, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto* bits = reinterpret_cast<hwy::float16_t*>(to);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::DemoteTo(half, hn::LoadU(d, from + i)), half, bits + i);
  for (; i < count; ++i) to[i] = Float16(from[i]);
}

template <class A>
HWY_INLINE void multiply(A* values, A factor, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) values[i] *= factor;
}

/// Two inputs and one or two outputs, the case of two ranks: no detour through a tile. Inputs and outputs are the same
/// memory or apart, so no element is written before it is read. `scaled`: inputs are first multiplied by `factor`.
template <class Op, bool scaled, class T>
void reduce_two(const ReductionJob& job, T factor) {
  const T* const a = static_cast<const T*>(job.inputs[0]);
  const T* const b = static_cast<const T*>(job.inputs[1]);
  T* const first = static_cast<T*>(job.outputs.front());
  T* const last = static_cast<T*>(job.outputs.back());
#pragma GCC ivdep
  for (std::int64_t i = job.begin; i < job.end; ++i) {
    if constexpr (scaled) {
      first[i] = last[i] = Op::join(static_cast<T>(a[i] * factor), static_cast<T>(b[i] * factor));
    } else {
      first[i] = last[i] = Op::join(a[i], b[i]);
    }
  }
}

template <class Op, bool scaled, class T>
void reduce(const ReductionJob& job, double factor) {
  using A = typename Accumulated<T>::Type;
  if constexpr (std::is_same_v<A, T>) {
    if (job.inputs.size() == 2 && job.outputs.size() <= 2) {
      return reduce_two<Op, scaled, T>(job, static_cast<T>(factor));
    }
  }
  alignas(64) std::array<A, kTile> sum, next;
  for (std::int64_t at = job.begin; at < job.end; at += kTile) {
    const std::int64_t count = std::min(kTile, job.end - at);
    A* const to = sum.data();
    load(static_cast<const T*>(job.inputs[0]) + at, to, count);
    if constexpr (scaled) multiply(to, static_cast<A>(factor), count);
    for (const void* input : job.inputs.subspan(1)) {
      const T* const raw = static_cast<const T*>(input) + at;
      if constexpr (std::is_same_v<A, T> && !scaled) {
        for (std::int64_t i = 0; i < count; ++i) to[i] = Op::join(to[i], raw[i]);
      } else {
        load(raw, next.data(), count);
        if constexpr (scaled) multiply(next.data(), static_cast<A>(factor), count);
        for (std::int64_t i = 0; i < count; ++i) to[i] = Op::join(to[i], next[static_cast<std::size_t>(i)]);
      }
    }
    for (void* output : job.outputs) store(to, static_cast<T*>(output) + at, count);
  }
}

template <class T>
void reduce_as(const ReductionJob& job) {
  switch (job.op) {
    case Reduce::kSum:
      return reduce<Sum, false, T>(job, 1);
    case Reduce::kMean:
      return reduce<Sum, true, T>(job, 1.0 / static_cast<double>(job.inputs.size()));
    case Reduce::kMax:
      return reduce<Max, false, T>(job, 1);
    case Reduce::kMin:
      return reduce<Min, false, T>(job, 1);
    case Reduce::kProduct:
      return reduce<Product, false, T>(job, 1);
  }
}

void ReduceAny(const ReductionJob& job) {
  switch (job.dtype) {
    case Dtype::kFloat32:
      return reduce_as<float>(job);
    case Dtype::kFloat64:
      return reduce_as<double>(job);
    case Dtype::kFloat16:
      return reduce_as<Float16>(job);
    case Dtype::kBFloat16:
      return reduce_as<BFloat16>(job);
    case Dtype::kInt64:
      return reduce_as<std::int64_t>(job);
    case Dtype::kInt32:
      return reduce_as<std::int32_t>(job);
    case Dtype::kInt8:
      return reduce_as<std::int8_t>(job);
    case Dtype::kUInt8:
      return reduce_as<std::uint8_t>(job);
    case Dtype::kBool:
      throw DtypeError("bool cannot be reduced between ranks. Convert it to uint8 first.");
  }
}

}  // namespace rensa::shm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::shm {

HWY_EXPORT(ReduceAny);

void reduce_directly(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t begin,
                     std::int64_t end, Dtype dtype, Reduce op) {
  HWY_DYNAMIC_DISPATCH(ReduceAny)({inputs, outputs, begin, end, dtype, op});
}

void scale(const Array& x, double factor) {
  const std::int64_t count = x.size();
  const auto apply = [count](auto* values, auto by) {
    using T = std::remove_pointer_t<decltype(values)>;
    for (std::int64_t i = 0; i < count; ++i) values[i] = T(values[i] * by);
  };
  switch (x.dtype()) {
    case Dtype::kFloat32:
      return apply(x.data<float>(), static_cast<float>(factor));
    case Dtype::kFloat64:
      return apply(x.data<double>(), factor);
    case Dtype::kFloat16:
      return apply(x.data<Float16>(), static_cast<float>(factor));
    case Dtype::kBFloat16:
      return apply(x.data<BFloat16>(), static_cast<float>(factor));
    default:
      throw DtypeError("an array of ", x.dtype(), " cannot be scaled, expected a floating type.");
  }
}

std::int64_t part_begin(std::int64_t count, int part, int parts) {
  if (part == parts) return count;
  const std::int64_t unit = count >= 16 * static_cast<std::int64_t>(parts) ? 16 : 1;
  return count / unit * part / parts * unit;
}

}  // namespace rensa::shm
#endif
