#pragma once

#include "core/array/array.h"
#include "core/device/gpu/stream.h"

namespace rensa::gpu {

/// Copies bytes between two places, at least one of them on a GPU, in order with `stream`'s other work. What lies on
/// the host may be reused, or read, when the call returns; a copy from one device to another makes the host wait for
/// nothing.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes,
                const Stream& stream);

/// `x` on `target`, dense, in the order of axes in which it lies (closed up where it has gaps). For Array::to.
Array moved(const Array& x, Device target);

/// The same from the host, in `stream`, which owns the new array's memory: the host does not wait, and x's elements
/// have been taken over (through pinned memory) when the call returns.
Array uploaded(const Array& x, const Stream& stream);

}  // namespace rensa::gpu
