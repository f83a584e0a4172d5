#include "core/kernels/memory.h"

namespace rensa::kernels {

constinit Kernel<void(const Array&, const Array&)> copy("copy");
constinit Kernel<void(const Array&, double)> fill("fill");
constinit Kernel<void(const Array&, const Array&)> accumulate("accumulate");

}  // namespace rensa::kernels
