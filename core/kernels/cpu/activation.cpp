#include "core/kernels/activation.h"

#include "core/kernels/cpu/differentiable.h"
#include "core/kernels/cpu/elementwise.h"
#include "core/kernels/cpu/vector_math.h"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&)>& kernel>
Array unary(const Array& x) {
  return cpu::map(kernel.name(), F{}, x);
}
template <class F, const Kernel<Array(const Array&, const Array&)>& kernel>
Array binary(const Array& a, const Array& b) {
  return cpu::map(kernel.name(), F{}, a, b);
}
template <class F, const Kernel<Array(const Array&, double)>& kernel>
Array unary_with(const Array& x, double number) {
  return cpu::map(kernel.name(), F{number}, x);
}
template <class F, const Kernel<Array(const Array&, const Array&, double)>& kernel>
Array binary_with(const Array& a, const Array& b, double number) {
  return cpu::map(kernel.name(), F{number}, a, b);
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_relu(relu, kCpu, unary<formulas::Relu, relu>);
const Implementation cpu_relu_grad(relu_grad, kCpu, binary<formulas::ReluGrad, relu_grad>);
const Implementation cpu_leaky_relu(leaky_relu, kCpu, unary_with<formulas::LeakyRelu, leaky_relu>);
const Implementation cpu_leaky_relu_grad(leaky_relu_grad, kCpu, binary_with<formulas::LeakyReluGrad, leaky_relu_grad>);
const Implementation cpu_sigmoid(sigmoid, kCpu, [](const Array& x) {
  return cpu::map("sigmoid", formulas::Sigmoid{}, cpu::vector_sigmoid, x);
});
const Implementation cpu_sigmoid_grad(sigmoid_grad, kCpu, binary<formulas::SigmoidGrad, sigmoid_grad>);
const Implementation cpu_tanh(tanh, kCpu,
                              [](const Array& x) { return cpu::map("tanh", formulas::Tanh{}, cpu::vector_tanh, x); });
const Implementation cpu_tanh_grad(tanh_grad, kCpu, binary<formulas::TanhGrad, tanh_grad>);
const Implementation cpu_elu(elu, kCpu, unary_with<formulas::Elu, elu>);
const Implementation cpu_elu_grad(elu_grad, kCpu, binary_with<formulas::EluGrad, elu_grad>);
const Implementation cpu_elu_grad_grad(elu_grad_grad, kCpu, binary_with<formulas::EluGradGrad, elu_grad_grad>);
const Implementation cpu_softplus(softplus, kCpu, unary_with<formulas::Softplus, softplus>);

const cpu::Differentiated<formulas::ClippedRelu, clipped_relu> cpu_clipped_relu;
const cpu::Differentiated<formulas::Selu, selu> cpu_selu;
const cpu::Differentiated<formulas::HardSigmoid, hard_sigmoid> cpu_hard_sigmoid;
const cpu::Differentiated<formulas::Silu, silu, cpu::Vectors<cpu::vector_silu, cpu::vector_silu_grad>> cpu_silu;
const cpu::Differentiated<formulas::Gelu, gelu, cpu::Vectors<cpu::vector_gelu, cpu::vector_gelu_grad>> cpu_gelu;
const cpu::Differentiated<formulas::GeluTanh, gelu_tanh,
                          cpu::Vectors<cpu::vector_gelu_tanh, cpu::vector_gelu_tanh_grad>>
    cpu_gelu_tanh;
const cpu::Differentiated<formulas::Mish, mish> cpu_mish;

}  // namespace
}  // namespace rensa::kernels
