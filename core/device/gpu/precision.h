#pragma once

namespace rensa::gpu {

/// Whether products and convolutions of float32 arrays may round their factors to TF32 (10 bits of mantissa) to run on
/// Tensor Cores, some eight times as fast. Off at the start, or as RENSA_TF32=1 says; of the whole process.
bool allows_tf32();
void allow_tf32(bool allow);

}  // namespace rensa::gpu
