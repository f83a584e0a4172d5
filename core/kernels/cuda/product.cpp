#include "core/kernels/product.h"

#include "core/kernels/arithmetic.h"
#include "core/kernels/cuda/blas.h"

namespace rensa::kernels {
namespace {

using cuda::Operand;

Array product_cuda(const Array& a, const Array& b, const Array& destination) {
  Array c = destination ? destination : empty({a.shape()[0], b.shape()[1]}, a.dtype(), a.device());
  if (c.size() == 0) return c;
  if (a.shape()[1] == 0) {
    c.fill(0);
    return c;
  }
  cuda::multiply(Operand(a).matrices, Operand(b).matrices, Operand(c).matrices, 1, 0, Array(), a.device());
  return c;
}

Array linear_cuda(const Array& x, const Array& W, const Array& b) {
  const Array y = empty({x.shape()[0], W.shape()[0]}, x.dtype(), x.device());
  if (y.size() == 0) return y;
  if (x.shape()[1] == 0) {
    b ? y.copy_from(b) : y.fill(0);
    return y;
  }
  const bool fused = b && x.dtype() != Dtype::kFloat64;  // cuBLASLt adds no bias in float64
  const Operand left(x), right(W.transpose());
  cuda::multiply(left.matrices, right.matrices, Operand(y).matrices, 1, 0, fused ? b.contiguous() : Array(),
                 x.device());
  return b && !fused ? add(y, b) : y;
}

Array batch_product_cuda(const Array& a, const Array& b) {
  const Array c = empty({a.shape()[0], a.shape()[1], b.shape()[2]}, a.dtype(), a.device());
  if (c.size() == 0) return c;
  if (a.shape()[2] == 0) {
    c.fill(0);
    return c;
  }
  const Operand left(a), right(b);
  cuda::multiply(left.matrices, right.matrices, Operand(c).matrices, 1, 0, Array(), a.device());
  return c;
}

const Implementation cuda_product(product, DeviceKind::kCuda, product_cuda);
const Implementation cuda_linear(linear, DeviceKind::kCuda, linear_cuda);
const Implementation cuda_batch_product(batch_product, DeviceKind::kCuda, batch_product_cuda);

}  // namespace
}  // namespace rensa::kernels
