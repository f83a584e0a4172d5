#include "core/kernels/activation.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&)> relu("relu");
constinit Kernel<Array(const Array&, const Array&)> relu_grad("relu_grad");
constinit Kernel<Array(const Array&, double)> leaky_relu("leaky_relu");
constinit Kernel<Array(const Array&, const Array&, double)> leaky_relu_grad("leaky_relu_grad");
constinit Kernel<Array(const Array&)> sigmoid("sigmoid");
constinit Kernel<Array(const Array&, const Array&)> sigmoid_grad("sigmoid_grad");
constinit Kernel<Array(const Array&)> tanh("tanh");
constinit Kernel<Array(const Array&, const Array&)> tanh_grad("tanh_grad");
constinit Kernel<Array(const Array&, double)> elu("elu");
constinit Kernel<Array(const Array&, const Array&, double)> elu_grad("elu_grad");
constinit Kernel<Array(const Array&, const Array&, double)> elu_grad_grad("elu_grad_grad");
constinit Kernel<Array(const Array&, double)> softplus("softplus");

constinit Differentiable clipped_relu("clipped_relu"), selu("selu"), hard_sigmoid("hard_sigmoid"), silu("silu"),
    gelu("gelu"), gelu_tanh("gelu"), mish("mish");

}  // namespace rensa::kernels
