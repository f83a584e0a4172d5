#include "core/kernels/product.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Array&, const Array&)> product("product");
constinit Kernel<Array(const Array&, const Array&, const Array&)> linear("linear");
constinit Kernel<Array(const Array&, const Array&)> batch_product("matmul");

}  // namespace rensa::kernels
