#pragma once

namespace rensa::cuda {

/// Makes the calling thread's CUDA calls go to `device`; remembers it, so that asking again costs nothing.
void make_current(int device);
/// After somebody else called cudaSetDevice.
void forget_current() noexcept;

}  // namespace rensa::cuda
