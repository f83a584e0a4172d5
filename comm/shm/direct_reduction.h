#pragma once

#include <cstdint>
#include <span>

#include "comm/communicators/communicator.h"

namespace rensa::shm {

/// Reduces elements [begin, end) of every input, in the order of the inputs, and writes the result to every output at
/// the same place. Inputs and outputs may be the same memory. One pass: each input is read once, each output written
/// once. float16 and bfloat16 are reduced in float32 and rounded once. kMean multiplies each input by 1 / inputs.size()
/// first. Runs on the calling thread: the compute threads are busy with other things.
void reduce_directly(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t begin,
                     std::int64_t end, Dtype dtype, Reduce op);

/// x *= factor, in the same way.
void scale(const Array& x, double factor);

/// The first element of part `part` of `count` elements cut in `parts`: borders on multiples of 16 elements.
std::int64_t part_begin(std::int64_t count, int part, int parts);

}  // namespace rensa::shm
