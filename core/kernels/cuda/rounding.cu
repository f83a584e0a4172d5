#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Floor, floor> cuda_floor;
const cuda::Differentiated<formulas::Ceil, ceil> cuda_ceil;
const cuda::Differentiated<formulas::Fix, fix> cuda_fix;
const cuda::Differentiated<formulas::Sign, sign> cuda_sign;

}  // namespace
}  // namespace rensa::kernels
