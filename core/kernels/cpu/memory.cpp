#include "core/kernels/memory.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/strided_loop.h"
#include "core/kernels/cpu/transposed_copy.h"

namespace rensa::kernels {
namespace {

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_same_v<To, Float16> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Converts `count` elements, the steps of both sides in elements.
using ConvertRow = void (*)(void* to, std::int64_t to_step, const void* from, std::int64_t from_step,
                            std::int64_t count);

template <class To, class From>
void convert_row(void* to, std::int64_t to_step, const void* from, std::int64_t from_step, std::int64_t count) {
  auto* t = static_cast<To*>(to);
  const auto* s = static_cast<const From*>(from);
  if (to_step == 1 && from_step == 1) {
    for (std::int64_t i = 0; i < count; ++i) t[i] = convert<To>(s[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) t[i * to_step] = convert<To>(s[i * from_step]);
  }
}

ConvertRow row_converter(Dtype target, Dtype source) {
  return dispatch_all(target, [&](auto to) {
    return dispatch_all(source, [&](auto from) -> ConvertRow {
      return &convert_row<typename decltype(to)::type, typename decltype(from)::type>;
    });
  });
}

/// One loop over rows for all pairs of dtypes; only what is done to a row is compiled for each.
void copy_strided(const Array& target, const Array& source) {
  auto* to = static_cast<std::byte*>(target.raw_data());
  const auto* from = static_cast<const std::byte*>(source.raw_data());
  const auto to_bytes = static_cast<std::int64_t>(item_size(target.dtype()));
  const auto from_bytes = static_cast<std::int64_t>(item_size(source.dtype()));
  const ConvertRow row = row_converter(target.dtype(), source.dtype());
  cpu::for_each_row<2>(target.shape(), {target.strides(), source.strides()},
                       [&](const auto& offset, const auto& step, std::int64_t count) {
                         row(to + offset[0] * to_bytes, step[0], from + offset[1] * from_bytes, step[1], count);
                       });
}

/// Between float32 and a 16-bit type, where both lie alike and without gaps.
void convert_half(const Array& target, const Array& source) {
  const bool narrows = is_half(target.dtype());
  cpu::for_each_block(
      target.size(),
      [&](std::int64_t begin, std::int64_t end) {
        if (narrows) {
          cpu::narrow(source.data<float>() + begin, target.raw_data(), target.dtype(), begin, end - begin);
        } else {
          cpu::widen(source.raw_data(), source.dtype(), begin, target.data<float>() + begin, end - begin);
        }
      },
      /*cost=*/6);
}

void copy_cpu(const Array& target, const Array& source) {
  const bool alike = target.strides() == source.strides() && target.is_dense();
  if (alike && ((is_half(target.dtype()) && source.dtype() == Dtype::kFloat32) ||
                (is_half(source.dtype()) && target.dtype() == Dtype::kFloat32))) {
    return convert_half(target, source);
  }
  if (target.dtype() == source.dtype() && alike) {
    cpu::for_each_block(static_cast<std::int64_t>(target.bytes()), [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(static_cast<std::byte*>(target.raw_data()) + begin,
                  static_cast<std::byte*>(source.raw_data()) + begin, static_cast<std::size_t>(end - begin));
    });
    return;
  }
  if (target.dtype() == source.dtype() && cpu::copy_transposed(target, source)) return;
  copy_strided(target, source);
}

void fill_with_zero_bytes(const Array& dense) {
  auto* bytes = static_cast<std::byte*>(dense.raw_data());
  cpu::for_each_block(static_cast<std::int64_t>(dense.bytes()), [&](std::int64_t begin, std::int64_t end) {
    std::memset(bytes + begin, 0, static_cast<std::size_t>(end - begin));
  });
}

void fill_cpu(const Array& target, double value) {
  if (value == 0 && !std::signbit(value) && target.is_dense()) return fill_with_zero_bytes(target);
  dispatch_all(target.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* to = static_cast<T*>(target.raw_data());
    const T element = convert<T>(value);
    cpu::for_each_row<1>(target.shape(), {target.strides()},
                         [&](const auto& offset, const auto& step, std::int64_t count) {
                           T* t = to + offset[0];
                           if (step[0] == 1) {
                             std::fill_n(t, count, element);
                           } else {
                             for (std::int64_t i = 0; i < count; ++i) t[i * step[0]] = element;
                           }
                         });
  });
}

void accumulate_cpu(const Array& target, const Array& source) {
  const bool lie_alike = target.dtype() == source.dtype() && target.strides() == source.strides();
  if (is_half(target.dtype()) && lie_alike && target.is_dense()) {
    cpu::for_each_block(
        target.size(),
        [&](std::int64_t begin, std::int64_t end) {
          cpu::for_each_widened(target, source, target, begin, end, [](float* t, const float* s, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i) t[i] += s[i];
          });
        },
        /*cost=*/6);
    return;
  }
  dispatch_all(target.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = target.data<T>();
    const T* from = source.data<T>();
    cpu::for_each_row<2>(target.shape(), {target.strides(), source.strides()},
                         [&](const auto& offset, const auto& step, std::int64_t count) {
                           T* t = to + offset[0];
                           const T* s = from + offset[1];
                           if (step[0] == 1 && step[1] == 1) {
                             for (std::int64_t i = 0; i < count; ++i) t[i] = static_cast<T>(t[i] + s[i]);
                           } else {
                             for (std::int64_t i = 0; i < count; ++i) {
                               T& out = t[i * step[0]];
                               out = static_cast<T>(out + s[i * step[1]]);
                             }
                           }
                         });
  });
}

const Implementation cpu_copy(copy, DeviceKind::kCpu, copy_cpu);
const Implementation cpu_fill(fill, DeviceKind::kCpu, fill_cpu);
const Implementation cpu_accumulate(accumulate, DeviceKind::kCpu, accumulate_cpu);

}  // namespace
}  // namespace rensa::kernels
