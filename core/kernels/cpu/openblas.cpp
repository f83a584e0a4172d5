#include "core/kernels/cpu/openblas.h"

#include <cstdlib>

// OpenBLAS's own, and weak: another BLAS has none of them. A choice that is made once, when OpenBLAS is loaded, can
// only be made again by its own initialization.
extern "C" {
[[gnu::weak]] char* openblas_get_corename();
[[gnu::weak]] void gotoblas_dynamic_quit();
[[gnu::weak]] void gotoblas_dynamic_init();
}

namespace rensa::cpu {
namespace {

constexpr const char* kVariable = "OPENBLAS_CORETYPE";

/// The kernels that every OpenBLAS has for this processor's instructions, by the name that its variable takes.
const char* suitable_kernels() {
#ifdef __x86_64__
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return nullptr;
}

const bool is_replaced = replace_oldest_openblas_kernels();

}  // namespace

bool replace_oldest_openblas_kernels() {
  const char* const suitable = suitable_kernels();
  if (std::getenv(kVariable) || !suitable || openblas_kernels() != "Prescott") return false;
  take_openblas_kernels(suitable);
  return openblas_kernels() == suitable;
}

std::string_view openblas_kernels() {
  if (!openblas_get_corename || !gotoblas_dynamic_quit || !gotoblas_dynamic_init) return {};
  return openblas_get_corename();
}

void take_openblas_kernels(const char* name) {
  setenv(kVariable, name, 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv(kVariable);
}

}  // namespace rensa::cpu
