#include "core/kernels/activation.h"

#include "core/kernels/cuda/elementwise.cuh"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&, double)>& kernel>
Array unary(const Array& x, double number) {
  return cuda::map(kernel.name(), F{number}, x);
}
template <class F, const Kernel<Array(const Array&, const Array&, double)>& kernel>
Array gradient(const Array& x, const Array& gy, double number) {
  return cuda::map_alike(kernel.name(), F{number}, x, gy);
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_leaky_relu(leaky_relu, kCuda, unary<formulas::LeakyRelu, leaky_relu>);
const Implementation cuda_leaky_relu_grad(leaky_relu_grad, kCuda, gradient<formulas::LeakyReluGrad, leaky_relu_grad>);
const Implementation cuda_elu(elu, kCuda, unary<formulas::Elu, elu>);
const Implementation cuda_elu_grad(elu_grad, kCuda, gradient<formulas::EluGrad, elu_grad>);
const Implementation cuda_elu_grad_grad(elu_grad_grad, kCuda, gradient<formulas::EluGradGrad, elu_grad_grad>);
const Implementation cuda_softplus(softplus, kCuda, unary<formulas::Softplus, softplus>);

}  // namespace
}  // namespace rensa::kernels
