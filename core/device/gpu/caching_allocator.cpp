#include "core/device/gpu/caching_allocator.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "core/device/gpu/runtime.h"
#include "core/error.h"
#include "core/kernels/kernel.h"

namespace rensa::gpu {
namespace {

constexpr std::size_t kUnit = 512;
constexpr std::size_t kLargestSmall = std::size_t{1} << 20;
constexpr std::size_t kSmallSegment = std::size_t{2} << 20;
constexpr std::size_t kSharedSegment = std::size_t{20} << 20;
constexpr std::size_t kLargestShared = std::size_t{10} << 20;
constexpr std::size_t kSegmentUnit = std::size_t{2} << 20;
constexpr std::size_t kHoldersShown = 5;

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::string mebibytes(std::size_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

}  // namespace

CachingAllocator::CachingAllocator(int device, Driver& driver) : device_(device), driver_(driver) {}

CachingAllocator::~CachingAllocator() {
  waiting_.clear();
  for (const auto& [data, block] : blocks_) {
    if (!block->previous) driver_.release(device_, data);
  }
}

void* CachingAllocator::allocate(std::size_t bytes) {
  const std::size_t size = std::max(kUnit, rounded(bytes, kUnit));
  const StreamHandle stream = current_stream({DeviceKind::kCuda, device_}).handle;
  const std::lock_guard lock(mutex_);
  if (limit_ && in_use_ + size > limit_) throw_no_room(bytes, "the limit is reached");
  collect_waiting(/*wait=*/false);
  Block* const block = take(size, stream);
  if (!block) throw_no_room(bytes, "the device has no more");
  block->asked = bytes;
  block->holder = kernels::running_kernel();
  in_use_ += block->size;
  peak_ = std::max(peak_, in_use_);
  return block->data;
}

void CachingAllocator::deallocate(void* data, std::size_t) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(data);
  if (found == blocks_.end()) return;
  Block* const block = found->second.get();
  in_use_ -= block->size;
  if (block->other_users.empty()) return make_free(block);
  Waiting waiting{block, {}};
  try {
    for (const Stream& user : block->other_users) waiting.events.emplace_back(user.device).record(user);
    block->other_users.clear();
    waiting_.push_back(std::move(waiting));
  } catch (const Error&) {
    // a device in an error state takes no events: the block is lost, as all the rest is
  }
}

void CachingAllocator::record_use(void* data, const Stream& stream) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(data);
  if (found == blocks_.end() || found->second->stream == stream.handle) return;
  std::vector<Stream>& users = found->second->other_users;
  if (std::find(users.begin(), users.end(), stream) == users.end()) users.push_back(stream);
}

CachingAllocator::Block* CachingAllocator::take(std::size_t size, StreamHandle stream) {
  const bool small = size <= kLargestSmall;
  Block* block = best_fit(size, stream, small);
  if (!block) block = new_segment(size, stream, small);
  if (!block && !blocks_.empty()) {
    ++counts_.retries;
    collect_waiting(/*wait=*/true);
    block = best_fit(size, stream, small);
    if (!block) {
      release_free_segments();
      block = new_segment(size, stream, small);
    }
  }
  if (!block) return nullptr;
  const std::size_t left = block->size - size;
  if (left >= (small ? kUnit : kLargestSmall)) split(block, size);
  return block;
}

CachingAllocator::Block* CachingAllocator::best_fit(std::size_t size, StreamHandle stream, bool small) {
  FreeBlocks& candidates = free_blocks(stream, small);
  Block wanted{.data = nullptr, .size = size, .asked = 0, .stream = stream, .other_users = {}};
  const auto fit = candidates.lower_bound(&wanted);
  if (fit == candidates.end()) return nullptr;
  Block* const block = *fit;
  candidates.erase(fit);
  block->free = false;
  return block;
}

CachingAllocator::Block* CachingAllocator::new_segment(std::size_t size, StreamHandle stream, bool small) {
  std::size_t whole = small ? kSmallSegment : size < kLargestShared ? kSharedSegment : rounded(size, kSegmentUnit);
  void* data = driver_.allocate(device_, whole);
  if (!data && whole > size) data = driver_.allocate(device_, whole = size);
  if (!data) return nullptr;
  ++counts_.from_driver;
  reserved_ += whole;
  auto block = std::make_unique<Block>(Block{.data = static_cast<std::byte*>(data),
                                             .size = whole,
                                             .asked = 0,
                                             .stream = stream,
                                             .small = small,
                                             .other_users = {}});
  return (blocks_[data] = std::move(block)).get();
}

void CachingAllocator::split(Block* block, std::size_t size) {
  auto rest = std::make_unique<Block>(Block{.data = block->data + size,
                                            .size = block->size - size,
                                            .asked = 0,
                                            .stream = block->stream,
                                            .previous = block,
                                            .next = block->next,
                                            .free = true,
                                            .small = block->small,
                                            .other_users = {}});
  if (rest->next) rest->next->previous = rest.get();
  block->next = rest.get();
  block->size = size;
  ++counts_.splits;
  free_blocks(rest->stream, rest->small).insert(rest.get());
  std::byte* const at = rest->data;
  blocks_[at] = std::move(rest);
}

void CachingAllocator::make_free(Block* block) {
  block->free = true;
  block->holder = "";
  FreeBlocks& others = free_blocks(block->stream, block->small);
  if (block->next && block->next->free) {
    others.erase(block->next);
    block = joined(block, block->next);
  }
  if (block->previous && block->previous->free) {
    others.erase(block->previous);
    block = joined(block->previous, block);
  }
  others.insert(block);
}

CachingAllocator::Block* CachingAllocator::joined(Block* block, Block* next) {
  block->size += next->size;
  block->next = next->next;
  if (block->next) block->next->previous = block;
  ++counts_.merges;
  blocks_.erase(next->data);
  return block;
}

void CachingAllocator::collect_waiting(bool wait) {
  std::erase_if(waiting_, [&](Waiting& each) {
    for (const Event& event : each.events) {
      if (wait) event.synchronize();
      if (!event.has_happened()) return false;
    }
    make_free(each.block);
    return true;
  });
}

void CachingAllocator::release_free_segments() {
  for (auto& [key, candidates] : free_) {
    for (auto at = candidates.begin(); at != candidates.end();) {
      Block* const block = *at;
      if (block->previous || block->next) {
        ++at;
        continue;
      }
      at = candidates.erase(at);
      driver_.release(device_, block->data);
      ++counts_.to_driver;
      reserved_ -= block->size;
      blocks_.erase(block->data);
    }
  }
}

MemoryStatistics CachingAllocator::statistics() const {
  const std::lock_guard lock(mutex_);
  return {.in_use = in_use_, .peak_in_use = peak_, .reserved = reserved_};
}
void CachingAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  peak_ = in_use_;
}
void CachingAllocator::set_limit(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = bytes;
}
void CachingAllocator::trim() {
  const std::lock_guard lock(mutex_);
  collect_waiting(/*wait=*/true);
  release_free_segments();
}
AllocatorCounts CachingAllocator::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void CachingAllocator::throw_no_room(std::size_t bytes, const char* reason) const {
  struct Holding {
    std::size_t bytes = 0, blocks = 0;
  };
  std::map<std::string, Holding> by_holder;
  for (const auto& [data, block] : blocks_) {
    if (block->free) continue;
    Holding& holding = by_holder[block->holder];
    holding.bytes += block->size;
    ++holding.blocks;
  }
  std::vector<std::pair<std::string, Holding>> holders(by_holder.begin(), by_holder.end());
  std::sort(holders.begin(), holders.end(),
            [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  if (holders.size() > kHoldersShown) holders.resize(kHoldersShown);
  std::ostringstream list;
  for (const auto& [name, holding] : holders) {
    list << (list.tellp() > 0 ? ", " : "") << name << " " << mebibytes(holding.bytes) << " in " << holding.blocks;
  }
  const MemoryOfDevice device = driver_.memory(device_);
  throw MemoryError("cuda:", device_, ": no room for ", mebibytes(bytes), ", ", reason, " (in use ", mebibytes(in_use_),
                    ", peak ", mebibytes(peak_), ", kept for reuse ", mebibytes(reserved_ - in_use_), ", limit ",
                    limit_ ? mebibytes(limit_) : "none", "; the device has ", mebibytes(device.free_bytes), " of ",
                    mebibytes(device.total_bytes), " left). Largest holders, with their number of arrays: ", list.str(),
                    ". Use a smaller batch or a 16-bit dtype, or end other programs on this GPU (nvidia-smi).");
}

CachingAllocator& caching_allocator(int index) { return *runtime().of(index).allocator; }

}  // namespace rensa::gpu
