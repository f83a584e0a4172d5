#include "core/kernels/kernel.h"

#include <utility>

#include "core/error.h"

namespace rensa::kernels {
namespace {
thread_local constinit const char* running = "arrays";
}

const char* running_kernel() { return running; }

namespace detail {

RunningKernel::RunningKernel(const char* name) : before_(std::exchange(running, name)) {}
RunningKernel::~RunningKernel() { running = before_; }

void throw_missing_kernel(const char* name, Device device) {
  throw DeviceError(name, ": there is no implementation for device ", device,
                    ". Move the arrays to another device, or load that device's back end.");
}

void throw_different_devices(const char* name, Device expected, Device found) {
  throw DeviceError(name, ": the arrays are on ", expected, " and ", found,
                    "; expected one device. Move one with to(device).");
}

}  // namespace detail
}  // namespace rensa::kernels
