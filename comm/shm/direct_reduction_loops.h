// The loops of direct_reduction.h. Highway compiles them once per instruction set: each source that needs them includes
// this file once for each.
#if defined(RENSA_DIRECT_REDUCTION_LOOPS) == defined(HWY_TARGET_TOGGLE)
#ifdef RENSA_DIRECT_REDUCTION_LOOPS
#undef RENSA_DIRECT_REDUCTION_LOOPS
#else
#define RENSA_DIRECT_REDUCTION_LOOPS
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "comm/shm/reduction_job.h"
#include "core/kernels/cpu/half_precision.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::shm::HWY_NAMESPACE {

// The loops are left to the compiler, which makes vectors of the set's width of them.

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
  if constexpr (std::is_same_v<A, T>) {
    std::copy_n(from, count, to);
  } else {
    cpu::widen(from, to, count);
  }
}

template <class A, class T>
HWY_INLINE void store(const A* from, T* to, std::int64_t count) {
  if constexpr (std::is_same_v<A, T>) {
    std::copy_n(from, count, to);
  } else {
    cpu::narrow(from, to, count);
  }
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

/// How a tile's elements come from and go to arrays, whatever their type: reductions in float32 of three types share
/// their loops.
template <class A>
struct Elements {
  void (*load)(const std::byte* from, A* to, std::int64_t count);
  void (*store)(const A* from, std::byte* to, std::int64_t count);
  std::int64_t bytes;    ///< of one element
  bool are_accumulated;  ///< whether they are A already

  template <class T>
  static constexpr Elements of() {
    return {load_as<T>, store_as<T>, sizeof(T), std::is_same_v<A, T>};
  }

 private:
  template <class T>
  static void load_as(const std::byte* from, A* to, std::int64_t count) {
    HWY_NAMESPACE::load(reinterpret_cast<const T*>(from), to, count);
  }
  template <class T>
  static void store_as(const A* from, std::byte* to, std::int64_t count) {
    HWY_NAMESPACE::store(from, reinterpret_cast<T*>(to), count);
  }
};

template <class Op, bool scaled, class A>
void reduce_tiles(const ReductionJob& job, A factor, const Elements<A>& elements) {
  alignas(64) std::array<A, kTile> sum, next;
  for (std::int64_t at = job.begin; at < job.end; at += kTile) {
    const std::int64_t count = std::min(kTile, job.end - at), offset = at * elements.bytes;
    A* const to = sum.data();
    elements.load(static_cast<const std::byte*>(job.inputs[0]) + offset, to, count);
    if constexpr (scaled) multiply(to, factor, count);
    for (const void* input : job.inputs.subspan(1)) {
      const std::byte* const raw = static_cast<const std::byte*>(input) + offset;
      const A* from = reinterpret_cast<const A*>(raw);
      if (scaled || !elements.are_accumulated) {
        elements.load(raw, next.data(), count);
        if constexpr (scaled) multiply(next.data(), factor, count);
        from = next.data();
      }
#pragma GCC ivdep
      for (std::int64_t i = 0; i < count; ++i) to[i] = Op::join(to[i], from[i]);
    }
    for (void* output : job.outputs) elements.store(to, static_cast<std::byte*>(output) + offset, count);
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
  reduce_tiles<Op, scaled, A>(job, static_cast<A>(factor), Elements<A>::template of<T>());
}

template <class T>
void reduce_as(const ReductionJob& job) {
  switch (job.op) {
    case Reduce::kSum:
      return reduce<Sum, false, T>(job, 1);
    case Reduce::kMean:
      if constexpr (!std::is_integral_v<T>) reduce<Sum, true, T>(job, 1.0 / static_cast<double>(job.inputs.size()));
      return;  // of whole numbers it is refused before anybody reduces
    case Reduce::kMax:
      return reduce<Max, false, T>(job, 1);
    case Reduce::kMin:
      return reduce<Min, false, T>(job, 1);
    case Reduce::kProduct:
      return reduce<Product, false, T>(job, 1);
  }
}

}  // namespace rensa::shm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
