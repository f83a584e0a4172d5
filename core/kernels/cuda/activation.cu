#include "core/kernels/activation.h"

#include "core/kernels/cuda/elementwise.cuh"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&)>& kernel>
Array unary(const Array& x) {
  return cuda::map(kernel.name(), F{}, x);
}
template <class F, const Kernel<Array(const Array&, const Array&)>& kernel>
Array gradient(const Array& y, const Array& gy) {
  return cuda::map_alike(kernel.name(), F{}, y, gy);
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_relu(relu, kCuda, unary<formulas::Relu, relu>);
const Implementation cuda_relu_grad(relu_grad, kCuda, gradient<formulas::ReluGrad, relu_grad>);
const Implementation cuda_sigmoid(sigmoid, kCuda, unary<formulas::Sigmoid, sigmoid>);
const Implementation cuda_sigmoid_grad(sigmoid_grad, kCuda, gradient<formulas::SigmoidGrad, sigmoid_grad>);
const Implementation cuda_tanh(tanh, kCuda, unary<formulas::Tanh, tanh>);
const Implementation cuda_tanh_grad(tanh_grad, kCuda, gradient<formulas::TanhGrad, tanh_grad>);

}  // namespace
}  // namespace rensa::kernels
