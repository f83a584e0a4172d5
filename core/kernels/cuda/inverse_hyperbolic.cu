#include "core/kernels/cuda/differentiable.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cuda::Differentiated<formulas::Arcsinh, arcsinh> cuda_arcsinh;
const cuda::Differentiated<formulas::Arccosh, arccosh> cuda_arccosh;
const cuda::Differentiated<formulas::Arctanh, arctanh> cuda_arctanh;

}  // namespace
}  // namespace rensa::kernels
