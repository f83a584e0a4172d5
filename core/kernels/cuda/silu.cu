#include "core/kernels/activation.h"
#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Silu, silu, true> cuda_silu;
const cuda::Differentiated<formulas::Mish, mish> cuda_mish;

}  // namespace
}  // namespace rensa::kernels
