#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Lgamma, lgamma> cuda_lgamma;

}  // namespace
}  // namespace rensa::kernels
