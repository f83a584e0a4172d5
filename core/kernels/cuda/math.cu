#include "core/kernels/math.h"

#include "core/kernels/cuda/elementwise.cuh"
#include "core/kernels/formulas/math.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&)>& kernel>
Array unary(const Array& x) {
  return cuda::map(kernel.name(), F{}, x);
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_exp(exp, kCuda, unary<formulas::Exp, exp>);
const Implementation cuda_log(log, kCuda, unary<formulas::Log, log>);
const Implementation cuda_sqrt(sqrt, kCuda, unary<formulas::Sqrt, sqrt>);
const Implementation cuda_abs(abs, kCuda, unary<formulas::Abs, abs>);
const Implementation cuda_abs_grad(abs_grad, kCuda, [](const Array& x, const Array& gy) {
  return cuda::map_alike("abs", formulas::AbsGrad{}, x, gy);
});
const Implementation cuda_clip(clip, kCuda, [](const Array& x, double low, double high) {
  return cuda::map("clip", formulas::Clip{low, high}, x);
});
const Implementation cuda_clip_grad(clip_grad, kCuda, [](const Array& x, const Array& gy, double low, double high) {
  return cuda::map_alike("clip", formulas::ClipGrad{low, high}, x, gy);
});

}  // namespace
}  // namespace rensa::kernels
