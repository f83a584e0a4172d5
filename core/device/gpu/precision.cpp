#include "core/device/gpu/precision.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace rensa::gpu {
namespace {

std::atomic<bool>& setting() {
  static std::atomic<bool> allowed = [] {
    const char* const value = std::getenv("RENSA_TF32");
    return value && std::string_view(value) == "1";
  }();
  return allowed;
}

}  // namespace

bool allows_tf32() { return setting().load(std::memory_order_relaxed); }
void allow_tf32(bool allow) { setting().store(allow, std::memory_order_relaxed); }

}  // namespace rensa::gpu
