#pragma once

#include <cstdint>
#include <span>

#include "comm/communicators/communicator.h"

namespace rensa::shm {

/// What reduce_directly() was asked for.
struct ReductionJob {
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  std::int64_t begin, end;
  Dtype dtype;
  Reduce op;
};

/// For floating dtypes, and for the others; each in a source of its own, because either takes the compiler long.
/// @{
void reduce_floats(const ReductionJob& job);
void reduce_integers(const ReductionJob& job);
/// @}

}  // namespace rensa::shm
