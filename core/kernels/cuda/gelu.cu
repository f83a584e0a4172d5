#include "core/kernels/activation.h"
#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Gelu, gelu, true> cuda_gelu;
const cuda::Differentiated<formulas::GeluTanh, gelu_tanh, true> cuda_gelu_tanh;

}  // namespace
}  // namespace rensa::kernels
