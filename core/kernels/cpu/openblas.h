#pragma once

#include <string_view>

namespace rensa::cpu {

/// OpenBLAS takes its oldest kernels (SSE3) on a processor that it does not know; a product then takes 2 to 10 times as
/// long. Here it is told to take those of the processor's instructions instead. Returns whether it took them: false if
/// it knows the processor, if OPENBLAS_CORETYPE names kernels, and if another BLAS stands in OpenBLAS's place.
/// Runs by itself before main(). Nothing else may use OpenBLAS meanwhile.
bool replace_oldest_openblas_kernels();

/// Its kernels by its own name, "SkylakeX"; empty if another BLAS, or an OpenBLAS of one processor, stands there.
std::string_view openblas_kernels();
/// Lets it take those of that name, if openblas_kernels() names any. Nothing else may use OpenBLAS meanwhile.
void take_openblas_kernels(const char* name);

}  // namespace rensa::cpu
