#include "core/kernels/cpu/destination.h"

#include <hwy/highway.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace rensa::cpu {
namespace hn = hwy::HWY_NAMESPACE;

void copy_past_caches(void* to, const void* from, std::size_t bytes) {
  constexpr std::size_t kLine = 64;  // only whole lines of a cache are written without being read
  const hn::CappedTag<std::uint8_t, 16> d;
  auto* target = static_cast<std::uint8_t*>(to);
  const auto* source = static_cast<const std::uint8_t*>(from);
  const std::size_t head = std::min(bytes, (kLine - reinterpret_cast<std::uintptr_t>(to) % kLine) % kLine);
  std::memcpy(target, source, head);
  std::size_t i = head;
  for (; i + kLine <= bytes; i += kLine) {
    for (std::size_t j = i; j < i + kLine; j += hn::Lanes(d)) hn::Stream(hn::LoadU(d, source + j), d, target + j);
  }
  std::memcpy(target + i, source + i, bytes - i);
}

}  // namespace rensa::cpu
HWY_AFTER_NAMESPACE();
