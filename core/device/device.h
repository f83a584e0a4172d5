#pragma once

#include <iosfwd>
#include <string_view>

namespace rensa {

/// What kinds of devices there are.
enum class DeviceKind : int { kCpu, kCuda };
inline constexpr int kDeviceKinds = 2;  ///< how many kinds there are

/// Where an array's memory lies and its operations run: "cpu", or "cuda:1".
struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  int index = 0;

  friend bool operator==(const Device&, const Device&) = default;  ///< the same kind and number
};

/// Parses "cpu", "cuda" and "cuda:<index>"; throws ValueError for anything else.
Device device_from_name(std::string_view name);

std::ostream& operator<<(std::ostream& out, const Device& device);  ///< writes its name: "cuda:1"

}  // namespace rensa
