#include "core/array/buffer.h"

#include <utility>

#include "core/device/allocator.h"

namespace rensa {
namespace {

class AllocatedBuffer final : public Buffer {
 public:
  AllocatedBuffer(std::size_t bytes, Device device) : Buffer(allocator(device).allocate(bytes), bytes, device) {}
  ~AllocatedBuffer() override { allocator(device()).deallocate(data(), bytes()); }
};

class WrappedBuffer final : public Buffer {
 public:
  WrappedBuffer(void* data, std::size_t bytes, Device device, std::function<void()> release)
      : Buffer(data, bytes, device), release_(std::move(release)) {}
  ~WrappedBuffer() override {
    if (release_) release_();
  }

 private:
  std::function<void()> release_;
};

}  // namespace

Buffer::Pointer Buffer::allocate(std::size_t bytes, Device device) { return new AllocatedBuffer(bytes, device); }

Buffer::Pointer Buffer::wrap(void* data, std::size_t bytes, Device device, std::function<void()> release) {
  return new WrappedBuffer(data, bytes, device, std::move(release));
}

}  // namespace rensa
