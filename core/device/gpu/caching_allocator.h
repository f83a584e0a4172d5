#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/device/allocator.h"
#include "core/device/gpu/driver.h"
#include "core/device/gpu/stream.h"

namespace rensa::gpu {

/// What an allocator has done so far.
struct AllocatorCounts {
  std::uint64_t from_driver = 0;  ///< segments asked of the driver: none any more once a training step repeats
  std::uint64_t to_driver = 0;    ///< segments given back
  std::uint64_t retries = 0;      ///< times that free memory was given back to make room
  std::uint64_t splits = 0, merges = 0;
};

/// Memory of one GPU. The driver's own allocation waits for the whole device, so segments of at least 2 MiB are taken
/// from it and cut into blocks, which are kept when they are given back.
///
/// A block belongs to the stream that was current when it was cut, and goes to that stream's next requests at once:
/// whatever the stream does later comes after what it did with the block before. The host never waits. Where another
/// stream uses a block too (record_use), it is kept back until an event in that stream has happened.
///
/// Requests are rounded up to 512 bytes. Blocks up to 1 MiB come from segments of 2 MiB, those below 10 MiB from
/// segments of 20 MiB, larger ones from segments of their size. The smallest free block that fits is taken; what is
/// left of it stays free, and is joined with free neighbours of its segment again. When the driver has no room, what
/// waits is waited for, all free segments are given back, and the driver is asked once more.
class CachingAllocator final : public Allocator {
 public:
  CachingAllocator(int device, Driver& driver);
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;
  ~CachingAllocator() override;

  void* allocate(std::size_t bytes) override;
  void deallocate(void* data, std::size_t bytes) noexcept override;
  MemoryStatistics statistics() const override;
  void reset_peak() override;
  void set_limit(std::size_t bytes) override;
  void trim() override;

  AllocatorCounts counts() const;
  /// See gpu::record_use; does nothing for memory that is not this allocator's.
  void record_use(void* data, const Stream& stream);

 private:
  struct Block {
    std::byte* data;
    std::size_t size;
    std::size_t asked;  ///< before rounding
    StreamHandle stream;
    Block *previous = nullptr, *next = nullptr;  ///< neighbours in the segment
    bool free = false, small = false;
    const char* holder = "";  ///< the operation that asked for it
    std::vector<Stream> other_users;
  };
  /// Given back while other streams may still use it.
  struct Waiting {
    Block* block;
    std::vector<Event> events;
  };
  struct BySize {
    bool operator()(const Block* a, const Block* b) const {
      return a->size != b->size ? a->size < b->size : a->data < b->data;
    }
  };
  using FreeBlocks = std::set<Block*, BySize>;
  FreeBlocks& free_blocks(StreamHandle stream, bool small) { return free_[{stream, small}]; }

  Block* take(std::size_t size, StreamHandle stream);
  Block* best_fit(std::size_t size, StreamHandle stream, bool small);
  Block* new_segment(std::size_t size, StreamHandle stream, bool small);
  void split(Block* block, std::size_t size);
  void make_free(Block* block);
  Block* joined(Block* block, Block* next);
  /// Frees what has come to its end; with `wait`, all of it.
  void collect_waiting(bool wait);
  /// Gives segments that are free as a whole back to the driver.
  void release_free_segments();
  [[noreturn]] void throw_no_room(std::size_t bytes, const char* reason) const;

  const int device_;
  Driver& driver_;
  mutable std::mutex mutex_;
  std::unordered_map<void*, std::unique_ptr<Block>> blocks_;  ///< by address
  std::map<std::pair<StreamHandle, bool>, FreeBlocks> free_;
  std::vector<Waiting> waiting_;
  AllocatorCounts counts_;
  std::size_t in_use_ = 0, peak_ = 0, reserved_ = 0, limit_ = 0;
};

/// The allocator of cuda:<index>.
CachingAllocator& caching_allocator(int index);

}  // namespace rensa::gpu
