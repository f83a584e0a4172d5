#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Log2, log2> cuda_log2;
const cuda::Differentiated<formulas::Log10, log10> cuda_log10;

}  // namespace
}  // namespace rensa::kernels
