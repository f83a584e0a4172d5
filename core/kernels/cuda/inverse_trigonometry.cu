#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Arcsin, arcsin> cuda_arcsin;
const cuda::Differentiated<formulas::Arccos, arccos> cuda_arccos;
const cuda::Differentiated<formulas::Arctan, arctan> cuda_arctan;

}  // namespace
}  // namespace rensa::kernels
