#include "trainer/datasets/byte_cache.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <vector>

#include "comm/shm/segment.h"

namespace rensa {
namespace {

std::int64_t size_of(std::initializer_list<ByteCache::Bytes> parts) {
  std::int64_t size = 0;
  for (const ByteCache::Bytes& part : parts) size += static_cast<std::int64_t>(part.size());
  return size;
}

void join(std::initializer_list<ByteCache::Bytes> parts, std::uint8_t* out) {
  for (const ByteCache::Bytes& part : parts) {
    if (!part.empty()) std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
}

class MemoryCache final : public ByteCache {
 public:
  MemoryCache(std::int64_t count, std::int64_t capacity)
      : capacity_(capacity), kept_(static_cast<std::size_t>(count)) {}

  bool visit(std::int64_t index, const std::function<void(Bytes)>& use) const override {
    std::shared_ptr<const std::vector<std::uint8_t>> found;
    {
      const std::lock_guard lock(mutex_);
      found = kept_[static_cast<std::size_t>(index)];
    }
    if (found) use(*found);
    return found != nullptr;
  }

  void put(std::int64_t index, std::initializer_list<Bytes> parts) override {
    const std::int64_t size = size_of(parts);
    const std::lock_guard lock(mutex_);
    auto& place = kept_[static_cast<std::size_t>(index)];
    if (place || size > capacity_ - used_) return;
    auto joined = std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(size));
    join(parts, joined->data());
    place = std::move(joined);
    used_ += size;
  }

  std::int64_t bytes() const override {
    const std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  mutable std::mutex mutex_;
  const std::int64_t capacity_;
  std::int64_t used_ = 0;
  std::vector<std::shared_ptr<const std::vector<std::uint8_t>>> kept_;
};

/// In the segment: the number of bytes in use, an entry for each number, the bytes. Processes agree by atomic words
/// alone; a lock would stay closed behind a rank that was killed.
class NodeCache final : public ByteCache {
 public:
  static std::size_t segment_bytes(std::int64_t count, std::int64_t capacity) {
    return sizeof(std::uint64_t) + static_cast<std::size_t>(count) * sizeof(Entry) + static_cast<std::size_t>(capacity);
  }

  NodeCache(std::shared_ptr<shm::Segment> segment, std::int64_t count, std::int64_t capacity)
      : segment_(std::move(segment)), capacity_(static_cast<std::uint64_t>(capacity)) {
    used_ = reinterpret_cast<std::uint64_t*>(segment_->data());
    entries_ = reinterpret_cast<Entry*>(used_ + 1);
    kept_ = reinterpret_cast<std::uint8_t*>(entries_ + count);
  }

  bool visit(std::int64_t index, const std::function<void(Bytes)>& use) const override {
    Entry& entry = entries_[index];
    const std::uint64_t state = std::atomic_ref(entry.state).load(std::memory_order_acquire);
    if (state < kWritten) return false;
    use({kept_ + (state - kWritten), entry.size});
    return true;
  }

  void put(std::int64_t index, std::initializer_list<Bytes> parts) override {
    Entry& entry = entries_[index];
    const std::atomic_ref state(entry.state);
    std::uint64_t expected = kEmpty;
    if (!state.compare_exchange_strong(expected, kBeingWritten, std::memory_order_acquire)) return;
    const auto size = static_cast<std::uint64_t>(size_of(parts));
    const std::atomic_ref used(*used_);
    std::uint64_t begin = used.load(std::memory_order_relaxed);
    do {
      if (size > capacity_ - begin) return state.store(kEmpty, std::memory_order_release);
    } while (!used.compare_exchange_weak(begin, begin + size, std::memory_order_relaxed));
    join(parts, kept_ + begin);
    entry.size = size;
    state.store(kWritten + begin, std::memory_order_release);
  }

  std::int64_t bytes() const override { return static_cast<std::int64_t>(std::atomic_ref(*used_).load()); }

 private:
  static constexpr std::uint64_t kEmpty = 0, kBeingWritten = 1, kWritten = 2;  // kWritten + where it begins
  struct Entry {
    std::uint64_t state, size;
  };

  const std::shared_ptr<shm::Segment> segment_;
  const std::uint64_t capacity_;
  std::uint64_t* used_;
  Entry* entries_;
  std::uint8_t* kept_;
};

}  // namespace

std::shared_ptr<ByteCache> make_memory_cache(std::int64_t count, std::int64_t capacity) {
  return std::make_shared<MemoryCache>(count, capacity);
}

std::shared_ptr<ByteCache> make_node_cache(Communicator& comm, std::int64_t count, std::int64_t capacity) {
  const std::unique_ptr<Communicator> node = comm.split_by_node();
  auto segment = shm::Segment::create(*node, NodeCache::segment_bytes(count, capacity));
  if (!segment) return nullptr;
  return std::make_shared<NodeCache>(std::move(segment), count, capacity);
}

}  // namespace rensa
