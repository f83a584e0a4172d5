#include "core/device/cpu/caching_allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#include "core/device/cpu/small_blocks.h"
#include "core/error.h"

namespace rensa::cpu {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kWidestRange = std::size_t{1} << 38;  // 256 GiB of addresses, not of memory
constexpr std::size_t kNarrowestRange = std::size_t{1} << 26;

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

class CachingAllocator final : public Allocator {
 public:
  void* allocate(std::size_t bytes) override {
    if (bytes <= kLargestSmallBlock) return allocate_small(bytes);
    const std::size_t size = rounded(bytes, kAlignment);
    const std::lock_guard lock(mutex_);
    if (limit_ && in_use_ + size > limit_) throw_no_room(bytes, "the limit is reached");
    std::byte* block = take(size);
    in_use_ += size;
    peak_ = std::max(peak_, in_use_);
    return block;
  }

  void deallocate(void* data, std::size_t bytes) noexcept override {
    if (bytes <= kLargestSmallBlock) return free_small(data, bytes);
    const std::size_t size = rounded(bytes, kAlignment);
    const std::lock_guard lock(mutex_);
    in_use_ -= size;
    give(static_cast<std::byte*>(data), size);
  }

  MemoryStatistics statistics() const override {
    const std::lock_guard lock(mutex_);
    return {.in_use = in_use_, .peak_in_use = peak_, .reserved = touched_};
  }
  void reset_peak() override {
    const std::lock_guard lock(mutex_);
    peak_ = in_use_;
  }
  void set_limit(std::size_t bytes) override {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
  }

  void trim() override {
#if !defined(__SANITIZE_ADDRESS__)
    const std::lock_guard lock(mutex_);
    for (const auto& [start, size] : by_address_) {
      std::byte* first = reinterpret_cast<std::byte*>(rounded(reinterpret_cast<std::size_t>(start), kPage));
      const std::byte* end = start + size;
      if (first + kPage <= end) madvise(first, static_cast<std::size_t>(end - first) / kPage * kPage, MADV_DONTNEED);
    }
    touched_ = in_use_;
#endif
  }

 private:
#if defined(__SANITIZE_ADDRESS__)  // every block by itself, so that the sanitizer sees each use after free
  std::byte* take(std::size_t size) {
    return static_cast<std::byte*>(::operator new(size, std::align_val_t(kAlignment)));
  }
  void give(std::byte* block, std::size_t) noexcept { ::operator delete(block, std::align_val_t(kAlignment)); }
#else
  /// The smallest free block that is large enough, lowest address first; what is left of it stays free.
  std::byte* take(std::size_t size) {
    auto fit = by_size_.lower_bound({size, nullptr});
    if (fit == by_size_.end()) {
      reserve_range(size);
      fit = by_size_.lower_bound({size, nullptr});
    }
    const auto [free_size, block] = *fit;
    by_size_.erase(fit);
    by_address_.erase(block);
    if (free_size > size) insert_free(block + size, free_size - size);
    if (block + size > high_water_) {
      touched_ += static_cast<std::size_t>(block + size - std::max(high_water_, range_start_));
      high_water_ = block + size;
    }
    return block;
  }

  void give(std::byte* block, std::size_t size) noexcept {
    auto next = by_address_.lower_bound(block);
    if (next != by_address_.end() && next->first == block + size) {
      size += next->second;
      by_size_.erase({next->second, next->first});
      next = by_address_.erase(next);
    }
    if (next != by_address_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == block) {
        block = before->first;
        size += before->second;
        by_size_.erase({before->second, before->first});
        by_address_.erase(before);
      }
    }
    insert_free(block, size);
  }

  void insert_free(std::byte* block, std::size_t size) {
    by_address_.emplace(block, size);
    by_size_.emplace(size, block);
  }

  void reserve_range(std::size_t at_least) {
    // A narrower range is tried where the system counts reserved addresses as memory (ulimit -v, strict overcommit).
    for (std::size_t width = std::max(kWidestRange, at_least); width >= std::max(kNarrowestRange, at_least);
         width /= 2) {
      void* range = mmap(nullptr, width, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (range == MAP_FAILED) continue;
      madvise(range, width, MADV_HUGEPAGE);  // fewer page faults and TLB misses; refused by some kernels, harmless
      range_start_ = high_water_ = static_cast<std::byte*>(range);
      insert_free(range_start_, width);
      return;
    }
    throw_no_room(at_least, "the system refused it");
  }
#endif

  [[noreturn]] void throw_no_room(std::size_t bytes, const char* reason) const {
    throw MemoryError("cpu: no room for ", bytes, " bytes, ", reason, " (in use ", in_use_, ", peak ", peak_,
                      ", limit ", limit_, "). Use a smaller batch, or raise the limit.");
  }

  mutable std::mutex mutex_;
  std::map<std::byte*, std::size_t> by_address_;          // free blocks
  std::set<std::pair<std::size_t, std::byte*>> by_size_;  // the same blocks
  std::byte* range_start_ = nullptr;                      // of the newest range
  std::byte* high_water_ = nullptr;                       // end of what was ever handed out of it
  std::size_t in_use_ = 0, peak_ = 0, touched_ = 0, limit_ = 0;
};

}  // namespace

Allocator& caching_allocator() {
  static CachingAllocator* const instance = new CachingAllocator;  // never destroyed: static arrays outlive main
  return *instance;
}

}  // namespace rensa::cpu
