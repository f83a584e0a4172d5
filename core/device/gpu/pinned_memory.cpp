#include "core/device/gpu/pinned_memory.h"

#include <algorithm>
#include <bit>

#include "core/device/gpu/runtime.h"
#include "core/error.h"

namespace rensa::gpu {
namespace {

constexpr std::size_t kLeast = 4096;
std::size_t rounded(std::size_t bytes) { return std::bit_ceil(std::max(bytes, kLeast)); }

}  // namespace

PinnedMemory::~PinnedMemory() {
  for (const Waiting& each : waiting_) driver_.release_pinned(each.data);
  for (const auto& [bytes, blocks] : idle_) {
    for (void* const block : blocks) driver_.release_pinned(block);
  }
}

void* PinnedMemory::take(std::size_t bytes) {
  const std::size_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  collect_waiting();
  std::vector<void*>& blocks = idle_[size];
  if (!blocks.empty()) {
    void* const block = blocks.back();
    blocks.pop_back();
    return block;
  }
  void* const block = driver_.allocate_pinned(size);
  if (!block) {
    throw MemoryError("pinned memory: the system has no room for ", size,
                      " bytes. Raise the limit of locked memory (ulimit -l), or use a smaller batch.");
  }
  return block;
}

void PinnedMemory::give_back(void* data, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  idle_[rounded(bytes)].push_back(data);
}

void PinnedMemory::give_back_after(void* data, std::size_t bytes, const Stream& stream) {
  Event event(stream.device);
  event.record(stream);
  const std::lock_guard lock(mutex_);
  waiting_.push_back({data, bytes, std::move(event)});
}

void PinnedMemory::collect_waiting() {
  std::erase_if(waiting_, [&](const Waiting& each) {
    if (!each.event.has_happened()) return false;
    idle_[rounded(each.bytes)].push_back(each.data);
    return true;
  });
}

PinnedMemory& pinned_memory() { return *runtime().pinned; }

Array pinned_array(const Shape& shape, Dtype dtype) {
  const std::size_t bytes = static_cast<std::size_t>(total_size(shape)) * item_size(dtype);
  void* const data = pinned_memory().take(bytes);
  return Array::wrap(data, shape, dtype, Device{}, [data, bytes] {
    if (is_in_use()) pinned_memory().give_back(data, bytes);
  });
}

}  // namespace rensa::gpu
