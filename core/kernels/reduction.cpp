#include "core/kernels/reduction.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Dims&)> sum("sum");
constinit Kernel<Array(const Array&, const Dims&)> max("max");
constinit Kernel<Array(const Array&, const Dims&)> prod("prod");
constinit Kernel<Array(const Array&, const Array&)> equal("equal");

}  // namespace rensa::kernels
