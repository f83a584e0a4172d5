#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Sinh, sinh> cuda_sinh;
const cuda::Differentiated<formulas::Cosh, cosh> cuda_cosh;

}  // namespace
}  // namespace rensa::kernels
