#include "core/kernels/linear_algebra.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&)> inverse("inv"), determinant("det"), cholesky("cholesky");
constinit Kernel<Array(const Array&, const Array&)> solve("solve");
constinit Kernel<std::array<Array, 2>(const Array&)> qr("qr"), eigh("eigh");
constinit Kernel<std::array<Array, 3>(const Array&)> svd("svd");

}  // namespace rensa::kernels
