#include "core/kernels/cpu/onednn/instructions.h"

namespace rensa::onednn {

bool has_instructions(dnnl::cpu_isa wanted) {
  const auto bits = static_cast<unsigned>(wanted);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

}  // namespace rensa::onednn
