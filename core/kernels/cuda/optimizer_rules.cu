#include "core/kernels/optimizer_rules.h"

#include "core/kernels/arithmetic.h"
#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/update.cuh"
#include "core/kernels/memory.h"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::kThreads;
using cuda::pointer;
using cuda::stream_for;

/// A formula as a rule: all its numbers are known when it is launched.
template <class T, template <class> class Formula>
struct FormulaRule : Formula<T>, cuda::PreparedRule {
  explicit FormulaRule(const RuleNumbers& numbers) : Formula<T>(numbers) {}
};

template <template <class> class Formula>
void update_by(const Array& p, const Array& g, const std::vector<Array>& state, const RuleNumbers& numbers,
               const GradientIntake& intake) {
  cuda::dispatch_wide(p.dtype(), "update", [&](auto tag) {
    using T = typename decltype(tag)::type;
    cuda::update<T>("update", FormulaRule<T, Formula>(numbers), p, g, state, intake);
  });
}

template <class T>
__global__ void lamb_moments_kernel(formulas::LambStep<T> lamb, const T* p, const T* g, T* m, T* v, std::int64_t count,
                                    cuda::Intake<T> intake, double* sums) {
  const T scale = intake.factor();
  double of_p = 0, of_r = 0;
  cuda::each_of_sum_block(count, [&](std::int64_t i) {
    const T value = p[i], gradient = scale * g[i] + intake.decay * value;
    const T a = m[i] += lamb.rest1 * (gradient - m[i]), b = v[i] += lamb.rest2 * (gradient * gradient - v[i]);
    const double r = lamb.direction(value, a, b);
    of_p += static_cast<double>(value) * static_cast<double>(value);
    of_r += r * r;
  });
  of_p = cuda::across_block<cuda::SumOp>(of_p);
  of_r = cuda::across_block<cuda::SumOp>(of_r);
  if (threadIdx.x == 0) {
    sums[2 * blockIdx.x] = of_p;
    sums[2 * blockIdx.x + 1] = of_r;
  }
}

std::array<double, 2> lamb_moments_cuda(const Array& p, const Array& g, const Array& m, const Array& v,
                                        const RuleNumbers& numbers, const GradientIntake& intake) {
  const std::int64_t blocks = cuda::sum_blocks(p.size());
  std::array<double, 2> total = {};
  if (blocks == 0) return total;
  const Array sums = empty({blocks, 2}, Dtype::kFloat64, p.device());
  cuda::dispatch_wide(p.dtype(), "lamb", [&](auto tag) {
    using T = typename decltype(tag)::type;
    lamb_moments_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream_for(p)>>>(
        formulas::LambStep<T>(numbers), pointer<const T>(p), pointer<const T>(g), pointer<T>(m), pointer<T>(v),
        p.size(), cuda::Intake<T>(intake), pointer<double>(sums));
    cuda::check_launch("lamb");
  });
  const std::vector<double> parts = to_vector<double>(sums);
  for (std::size_t i = 0; i < parts.size(); ++i) total[i % 2] += parts[i];
  return total;
}

template <class T>
__global__ void lamb_apply_kernel(formulas::LambStep<T> lamb, T* p, const T* m, const T* v, T size,
                                  std::int64_t count) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    p[i] -= size * lamb.direction(p[i], m[i], v[i]);
  }
}

void lamb_apply_cuda(const Array& p, const Array& m, const Array& v, double step, const RuleNumbers& numbers) {
  if (p.size() == 0) return;
  cuda::dispatch_wide(p.dtype(), "lamb", [&](auto tag) {
    using T = typename decltype(tag)::type;
    lamb_apply_kernel<<<blocks_for(p.size()), kThreads, 0, stream_for(p)>>>(
        formulas::LambStep<T>(numbers), pointer<T>(p), pointer<const T>(m), pointer<const T>(v), static_cast<T>(step),
        p.size());
    cuda::check_launch("lamb");
  });
}

void average_cuda(const Array& average, const Array& x, double weight) {
  accumulate(average, mul_number(sub(x.to(average.dtype()), average), weight));
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_corrected_momentum(corrected_momentum_update, kCuda, update_by<formulas::CorrectedMomentum>);
const Implementation cuda_adagrad(adagrad_update, kCuda, update_by<formulas::AdaGrad>);
const Implementation cuda_adadelta(adadelta_update, kCuda, update_by<formulas::AdaDelta>);
const Implementation cuda_rmsprop(rmsprop_update, kCuda, update_by<formulas::RmsProp>);
const Implementation cuda_rmsprop_warmup(rmsprop_warmup_update, kCuda, update_by<formulas::RmsPropWarmup>);
const Implementation cuda_rmsprop_graves(rmsprop_graves_update, kCuda, update_by<formulas::RmsPropGraves>);
const Implementation cuda_smorms3(smorms3_update, kCuda, update_by<formulas::Smorms3>);
const Implementation cuda_msvag(msvag_update, kCuda, update_by<formulas::Msvag>);
const Implementation cuda_bounded_adam(bounded_adam_update, kCuda, update_by<formulas::BoundedAdam>);
const Implementation cuda_amsbound(amsbound_update, kCuda, update_by<formulas::AmsBound>);
const Implementation cuda_rectified_adam(rectified_adam_update, kCuda, update_by<formulas::RectifiedAdam>);
const Implementation cuda_lion(lion_update, kCuda, update_by<formulas::Lion>);
const Implementation cuda_lamb_moments(lamb_moments, kCuda, lamb_moments_cuda);
const Implementation cuda_lamb_apply(lamb_apply, kCuda, lamb_apply_cuda);
const Implementation cuda_average(average_update, kCuda, average_cuda);

}  // namespace
}  // namespace rensa::kernels
