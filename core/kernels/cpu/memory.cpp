#include "core/kernels/memory.h"

#include <algorithm>
#include <cstring>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/strided_loop.h"

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

template <class To, class From>
void copy_strided(const Array& target, const Array& source) {
  auto* to = static_cast<To*>(target.raw_data());
  const auto* from = static_cast<const From*>(source.raw_data());
  cpu::for_each_row<2>(target.shape(), {target.strides(), source.strides()}, [&](const auto& offset, const auto& step,
                                                                               std::int64_t count) {
    To* t = to + offset[0];
    const From* s = from + offset[1];
    if (step[0] == 1 && step[1] == 1) {
      for (std::int64_t i = 0; i < count; ++i) t[i] = convert<To>(s[i]);
    } else {
      for (std::int64_t i = 0; i < count; ++i) t[i * step[0]] = convert<To>(s[i * step[1]]);
    }
  });
}

void copy_cpu(const Array& target, const Array& source) {
  if (target.dtype() == source.dtype() && target.strides() == source.strides() && target.is_dense()) {
    cpu::for_each_block(static_cast<std::int64_t>(target.bytes()), [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(static_cast<std::byte*>(target.raw_data()) + begin, static_cast<std::byte*>(source.raw_data()) + begin,
                  static_cast<std::size_t>(end - begin));
    });
    return;
  }
  dispatch_all(target.dtype(), [&](auto to) {
    dispatch_all(source.dtype(), [&](auto from) {
      copy_strided<typename decltype(to)::type, typename decltype(from)::type>(target, source);
    });
  });
}

void fill_cpu(const Array& target, double value) {
  dispatch_all(target.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* to = static_cast<T*>(target.raw_data());
    const T element = convert<T>(value);
    cpu::for_each_row<1>(target.shape(), {target.strides()}, [&](const auto& offset, const auto& step,
                                                                 std::int64_t count) {
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
