#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Erfinv, erfinv> cuda_erfinv;
const cuda::Differentiated<formulas::Erfcinv, erfcinv> cuda_erfcinv;

}  // namespace
}  // namespace rensa::kernels
