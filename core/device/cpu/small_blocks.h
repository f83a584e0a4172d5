#pragma once

#include <cstddef>

namespace rensa::cpu {

/// Free lists for small, short-lived objects: graph nodes, and the buffers of small arrays. An allocation is a pop
/// from a list of the calling thread. A block may be freed by another thread than the one that asked for it.
inline constexpr std::size_t kLargestSmallBlock = 4096;

void* allocate_small(std::size_t bytes);  ///< bytes <= kLargestSmallBlock; aligned to 64
void free_small(void* block, std::size_t bytes) noexcept;

/// Gives a class these free lists: struct Node : FromSmallBlocks { … };
struct FromSmallBlocks {
  static void* operator new(std::size_t bytes) {
    return bytes <= kLargestSmallBlock ? allocate_small(bytes) : ::operator new(bytes);
  }
  static void operator delete(void* block, std::size_t bytes) noexcept {
    if (bytes <= kLargestSmallBlock) {
      free_small(block, bytes);
    } else {
      ::operator delete(block);
    }
  }
};

}  // namespace rensa::cpu
