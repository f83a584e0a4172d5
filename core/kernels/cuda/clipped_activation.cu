#include "core/kernels/activation.h"
#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::ClippedRelu, clipped_relu> cuda_clipped_relu;
const cuda::Differentiated<formulas::Selu, selu> cuda_selu;
const cuda::Differentiated<formulas::HardSigmoid, hard_sigmoid> cuda_hard_sigmoid;

}  // namespace
}  // namespace rensa::kernels
