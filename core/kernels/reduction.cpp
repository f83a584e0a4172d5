#include "core/kernels/reduction.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Dims&)> sum("sum");
constinit Kernel<Array(const Array&, const Dims&)> max("max");
constinit Kernel<Array(const Array&, const Dims&)> prod("prod");
constinit Kernel<Array(const Array&, const Array&)> equal("equal");
constinit Kernel<Array(const Array&, const Array&, const Array&)> pass_where_equal("pass_where_equal");

}  // namespace rensa::kernels
