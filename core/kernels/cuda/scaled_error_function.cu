#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Erfcx, erfcx> cuda_erfcx;
const cuda::Differentiated<formulas::LogNdtr, log_ndtr> cuda_log_ndtr;

}  // namespace
}  // namespace rensa::kernels
