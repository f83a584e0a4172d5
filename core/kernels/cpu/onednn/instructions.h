#pragma once

#include <dnnl.hpp>

namespace rensa::onednn {

/// Whether the processor has these instructions, as far as oneDNN may use them.
bool has_instructions(dnnl::cpu_isa wanted);

}  // namespace rensa::onednn
