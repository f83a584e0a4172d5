#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Erf, erf> cuda_erf;
const cuda::Differentiated<formulas::Erfc, erfc> cuda_erfc;
const cuda::Differentiated<formulas::Ndtr, ndtr> cuda_ndtr;

}  // namespace
}  // namespace rensa::kernels
