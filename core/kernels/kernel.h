#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/array/array.h"
#include "core/device/device.h"

namespace rensa::kernels {

namespace detail {
[[noreturn]] void throw_missing_kernel(const char* name, Device device);
[[noreturn]] void throw_different_devices(const char* name, Device expected, Device found);

/// Whether `argument`, if it is an array or a list of arrays, lies on `device`.
template <class Argument>
void check_device(const char* name, Device device, const Argument& argument) {
  if constexpr (std::is_same_v<Argument, Array>) {
    if (argument && argument.device() != device) throw_different_devices(name, device, argument.device());
  } else if constexpr (std::is_same_v<Argument, std::vector<Array>>) {
    for (const Array& each : argument) check_device(name, device, each);
  }
}

/// The kernel that the calling thread is in, for running_kernel().
class RunningKernel {
 public:
  explicit RunningKernel(const char* name);
  RunningKernel(const RunningKernel&) = delete;
  RunningKernel& operator=(const RunningKernel&) = delete;
  ~RunningKernel();

 private:
  const char* before_;
};

template <class First, class... Rest>
Device device_of(const First& first, const Rest&... rest) {
  if constexpr (std::is_same_v<First, Array>) {
    if (first || sizeof...(Rest) == 0) return first.device();
  }
  if constexpr (sizeof...(Rest) > 0) {
    return device_of(rest...);
  } else {
    return {};
  }
}
}  // namespace detail

/// The operation on a GPU that the calling thread is in, "arrays" outside of all: what memory errors name as holders.
const char* running_kernel();

template <class Signature>
class Kernel;

/// An operation on arrays with one implementation for each kind of device: array in, array out, no gradients.
///
///   kernels/activation.h           extern Kernel<Array(const Array&)> relu;
///   kernels/activation.cpp         constinit Kernel<Array(const Array&)> relu("relu");
///   kernels/cpu/activation.cpp     const Implementation cpu_relu(relu, DeviceKind::kCpu, [](const Array& x) { … });
///   kernels/cuda/activation.cu     the same for kCuda, in the plug-in
///
/// A call goes to the implementation for the device of its first array, or throws a DeviceError that names both. Arrays
/// on different devices throw one too.
template <class Result, class... Arguments>
class Kernel<Result(Arguments...)> {
 public:
  using Function = Result (*)(Arguments...);

  constexpr explicit Kernel(const char* name) : name_(name) {}
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  Result operator()(Arguments... arguments) const {
    const Device device = detail::device_of(arguments...);
    const Function function = functions_[static_cast<std::size_t>(device.kind)];
    if (!function) detail::throw_missing_kernel(name_, device);
    (detail::check_device(name_, device, arguments), ...);
    if (device.kind == DeviceKind::kCpu) [[likely]]
      return function(arguments...);
    const detail::RunningKernel running(name_);
    return function(arguments...);
  }

  const char* name() const { return name_; }
  /// Returns the implementation that was there before, null for none.
  Function implement(DeviceKind kind, Function function) {
    return std::exchange(functions_[static_cast<std::size_t>(kind)], function);
  }

 private:
  const char* name_;
  std::array<Function, kDeviceKinds> functions_ = {};
};

/// Fills a kernel's slot when the library that holds it is loaded.
struct Implementation {
  template <class Signature, class Function>
  Implementation(Kernel<Signature>& kernel, DeviceKind kind, Function function) {
    kernel.implement(kind, function);
  }
};

}  // namespace rensa::kernels
