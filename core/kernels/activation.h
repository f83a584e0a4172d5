#pragma once

#include "core/kernels/differentiable.h"
#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Element by element, in any floating dtype. The formulas are in formulas/activation.h.

extern Kernel<Array(const Array& x)> relu;
extern Kernel<Array(const Array& y, const Array& gy)> relu_grad;
extern Kernel<Array(const Array& x, double slope)> leaky_relu;
extern Kernel<Array(const Array& x, const Array& gy, double slope)> leaky_relu_grad;
extern Kernel<Array(const Array& x)> sigmoid;
extern Kernel<Array(const Array& y, const Array& gy)> sigmoid_grad;
extern Kernel<Array(const Array& x)> tanh;
extern Kernel<Array(const Array& y, const Array& gy)> tanh_grad;
extern Kernel<Array(const Array& x, double alpha)> elu;
extern Kernel<Array(const Array& x, const Array& gy, double alpha)> elu_grad;
extern Kernel<Array(const Array& x, const Array& gy, double alpha)> elu_grad_grad;
extern Kernel<Array(const Array& x, double beta)> softplus;

extern Differentiable clipped_relu;  ///< constants: z
extern Differentiable selu;          ///< constants: alpha, scale
extern Differentiable hard_sigmoid, silu, gelu, gelu_tanh, mish;

}  // namespace rensa::kernels
