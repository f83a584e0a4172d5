#include "core/device/cpu/small_blocks.h"

#include <array>
#include <cstdlib>
#include <mutex>
#include <new>

namespace rensa::cpu {
namespace {

constexpr std::size_t kGrain = 64;
constexpr std::size_t kClasses = kLargestSmallBlock / kGrain;
constexpr std::size_t kSlabBytes = 64 * 1024;
constexpr int kMostKept = 512;  // blocks of a class that a thread keeps; the rest serves other threads

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  int length = 0;

  void push(FreeBlock* block) {
    block->next = head;
    head = block;
    ++length;
  }
  FreeBlock* pop() {
    FreeBlock* block = head;
    head = block->next;
    --length;
    return block;
  }
};

/// What threads gave up: when they kept too much (a loader's batches are freed by the trainer), or when they ended.
struct Shared {
  std::mutex mutex;
  std::array<FreeList, kClasses> lists;
};

Shared& shared() {
  static Shared* const instance = new Shared;  // never destroyed: static objects free arrays at exit
  return *instance;
}

void move_blocks(FreeList& from, FreeList& to, int count) {
  while (from.head && count-- > 0) to.push(from.pop());
}

struct ThreadLists {
  std::array<FreeList, kClasses> lists;

  ~ThreadLists();
};

// Plain pointers, so that they can still be read after the thread's other objects are gone.
thread_local constinit ThreadLists* thread_lists = nullptr;
thread_local constinit bool thread_ended = false;

ThreadLists::~ThreadLists() {
  const std::lock_guard lock(shared().mutex);
  for (std::size_t i = 0; i < kClasses; ++i) move_blocks(lists[i], shared().lists[i], lists[i].length);
  thread_lists = nullptr;
  thread_ended = true;
}

[[maybe_unused]] ThreadLists* lists_of_this_thread() {  // this and the next two: not with the address sanitizer
  if (!thread_lists && !thread_ended) {
    static thread_local ThreadLists lists;
    thread_lists = &lists;
  }
  return thread_lists;
}

[[maybe_unused]] std::size_t class_of(std::size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / kGrain; }

[[maybe_unused]] void refill(FreeList& list, std::size_t size_class) {
  {
    const std::lock_guard lock(shared().mutex);
    move_blocks(shared().lists[size_class], list, kMostKept / 2);
  }
  if (list.head) return;
  const std::size_t block_bytes = (size_class + 1) * kGrain;
  auto* slab = static_cast<std::byte*>(std::aligned_alloc(kGrain, kSlabBytes));
  if (!slab) throw std::bad_alloc();
  for (std::size_t at = kSlabBytes / block_bytes * block_bytes; at > 0; at -= block_bytes) {
    list.push(reinterpret_cast<FreeBlock*>(slab + at - block_bytes));
  }
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)  // every block by itself, so that the sanitizer sees each use after free

void* allocate_small(std::size_t bytes) { return ::operator new(bytes, std::align_val_t(kGrain)); }
void free_small(void* block, std::size_t) noexcept { ::operator delete(block, std::align_val_t(kGrain)); }

#else

void* allocate_small(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  ThreadLists* mine = lists_of_this_thread();
  if (!mine) {  // at exit of the thread
    FreeList one;
    refill(one, size_class);
    void* block = one.pop();
    const std::lock_guard lock(shared().mutex);
    move_blocks(one, shared().lists[size_class], one.length);
    return block;
  }
  FreeList& list = mine->lists[size_class];
  if (!list.head) refill(list, size_class);
  return list.pop();
}

void free_small(void* block, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  ThreadLists* mine = lists_of_this_thread();
  if (!mine) {
    const std::lock_guard lock(shared().mutex);
    shared().lists[size_class].push(static_cast<FreeBlock*>(block));
    return;
  }
  FreeList& list = mine->lists[size_class];
  list.push(static_cast<FreeBlock*>(block));
  if (list.length > kMostKept) {
    const std::lock_guard lock(shared().mutex);
    move_blocks(list, shared().lists[size_class], kMostKept / 2);
  }
}

#endif

}  // namespace rensa::cpu
