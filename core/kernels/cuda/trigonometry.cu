#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Sin, sin> cuda_sin;
const cuda::Differentiated<formulas::Cos, cos> cuda_cos;
const cuda::Differentiated<formulas::Tan, tan> cuda_tan;

}  // namespace
}  // namespace rensa::kernels
