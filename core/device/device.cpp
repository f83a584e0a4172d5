#include "core/device/device.h"

#include <charconv>
#include <ostream>

#include "core/error.h"

namespace rensa {

Device device_from_name(std::string_view name) {
  if (name == "cpu") return {};
  if (name == "cuda") return {DeviceKind::kCuda, 0};
  constexpr std::string_view kPrefix = "cuda:";
  if (name.starts_with(kPrefix)) {
    int index = -1;
    const char* end = name.data() + name.size();
    const auto [last, error] = std::from_chars(name.data() + kPrefix.size(), end, index);
    if (error == std::errc() && last == end && index >= 0) return {DeviceKind::kCuda, index};
  }
  throw ValueError("device: \"", name, "\" is not a device; write cpu, cuda or cuda:<index>.");
}

std::ostream& operator<<(std::ostream& out, const Device& device) {
  if (device.kind == DeviceKind::kCpu) return out << "cpu";
  return out << "cuda:" << device.index;
}

}  // namespace rensa
