#pragma once

namespace rensa {

/// Asks the kernel to run the calling thread in short slices, and therefore soon after it wakes, although compute
/// threads want its core: what arrives from another node is sent on at once instead of some milliseconds later. Needs
/// no rights. Kernels before Linux 6.12 have no such thing and nothing changes.
void ask_for_short_slices();

}  // namespace rensa
