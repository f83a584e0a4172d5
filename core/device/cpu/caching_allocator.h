#pragma once

#include "core/device/allocator.h"

namespace rensa::cpu {

/// The allocator of arrays in main memory. Small requests come from small_blocks.h; larger ones are cut, best fit,
/// from one wide reserved range of addresses, in which neighbouring free blocks are joined again. The range is
/// touched only as far as the most that was in use at once, and its pages stay mapped: after the first training step
/// no page is faulted in any more, which is where the general malloc loses its time on large arrays.
Allocator& caching_allocator();

}  // namespace rensa::cpu
