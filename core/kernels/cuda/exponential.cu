#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Expm1, expm1> cuda_expm1;
const cuda::Differentiated<formulas::Log1p, log1p> cuda_log1p;
const cuda::Differentiated<formulas::Rsqrt, rsqrt> cuda_rsqrt;

}  // namespace
}  // namespace rensa::kernels
