#include "core/kernels/optimizer.h"

#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/cuda/update.cuh"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::kThreads;
using cuda::pointer;
using cuda::stream_for;

template <class T>
struct Sgd : cuda::PreparedRule {
  static constexpr int kStates = 0;
  T lr;
  __device__ void operator()(T& p, T g, T*) const { p -= lr * g; }
};
template <class T>
struct Momentum : cuda::PreparedRule {
  static constexpr int kStates = 1;
  T lr, momentum;
  __device__ void operator()(T& p, T g, T* s) const {
    s[0] = momentum * s[0] - lr * g;
    p += s[0];
  }
};
template <class T>
struct Nesterov : cuda::PreparedRule {
  static constexpr int kStates = 1;
  T lr, momentum;
  __device__ void operator()(T& p, T g, T* s) const {
    const T step = lr * g;
    s[0] = momentum * s[0] - step;
    p += momentum * s[0] - step;
  }
};
template <class T>
struct Adam {
  static constexpr int kStates = 2;
  T rest1, rest2, eps, step, decay;
  AdamStep asked;
  explicit Adam(const AdamStep& s)
      : rest1(static_cast<T>(1 - s.beta1)),
        rest2(static_cast<T>(1 - s.beta2)),
        eps(static_cast<T>(s.eps)),
        step(static_cast<T>(s.step)),
        decay(static_cast<T>(s.decay)),
        asked(s) {}
  /// The step size of the updates that were made. Of the block's threads one computes it: powers of doubles take long.
  __device__ void prepare(const double* control) {
    if (!control) return;
    __shared__ double size;
    if (threadIdx.x == 0) {
      size = formulas::adam_size(asked.alpha, asked.beta1, asked.beta2, asked.t - control[formulas::kLeftOut]);
    }
    __syncthreads();
    step = static_cast<T>(size);
  }
  __device__ void operator()(T& p, T g, T* s) const {
    s[0] += rest1 * (g - s[0]);
    s[1] += rest2 * (g * g - s[1]);
    p = (p - decay * p) - step * (s[0] / (std::sqrt(s[1]) + eps));
  }
};

void sgd_cuda(const Array& p, const Array& g, double lr, const GradientIntake& intake) {
  cuda::dispatch_wide(p.dtype(), "sgd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    cuda::update<T>("sgd", Sgd<T>{{}, static_cast<T>(lr)}, p, g, {}, intake);
  });
}
void momentum_sgd_cuda(const Array& p, const Array& g, const Array& v, double lr, double momentum,
                       const GradientIntake& intake) {
  cuda::dispatch_wide(p.dtype(), "momentum_sgd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    cuda::update<T>("momentum_sgd", Momentum<T>{{}, static_cast<T>(lr), static_cast<T>(momentum)}, p, g, {v}, intake);
  });
}
void nesterov_ag_cuda(const Array& p, const Array& g, const Array& v, double lr, double momentum,
                      const GradientIntake& intake) {
  cuda::dispatch_wide(p.dtype(), "nesterov_ag", [&](auto tag) {
    using T = typename decltype(tag)::type;
    cuda::update<T>("nesterov_ag", Nesterov<T>{{}, static_cast<T>(lr), static_cast<T>(momentum)}, p, g, {v}, intake);
  });
}
void adam_cuda(const Array& p, const Array& g, const Array& m, const Array& v, const AdamStep& step,
               const GradientIntake& intake) {
  cuda::dispatch_wide(p.dtype(), "adam", [&](auto tag) {
    using T = typename decltype(tag)::type;
    cuda::update<T>("adam", Adam<T>(step), p, g, {m, v}, intake);
  });
}

template <class T>
__global__ void adopt_values_kernel(float* masters, const T* values, std::int64_t count) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    const T value = values[i];
    if (cuda::narrow<T>(masters[i]).bits != value.bits) masters[i] = cuda::widen(value);
  }
}

void adopt_values_cuda(const Array& masters, const Array& values) {
  if (values.size() == 0) return;
  const auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    adopt_values_kernel<<<blocks_for(values.size()), kThreads, 0, stream_for(values)>>>(
        pointer<float>(masters), pointer<const T>(values), values.size());
  };
  values.dtype() == Dtype::kFloat16 ? run(cuda::TypeOf<Float16>{}) : run(cuda::TypeOf<BFloat16>{});
  cuda::check_launch("adopt_values");
}

template <class T>
__global__ void squares_kernel(const T* x, std::int64_t count, double* sums) {
  double sum = 0;
  cuda::each_of_sum_block(count, [&](std::int64_t i) {
    const auto value = static_cast<double>(cuda::widen(x[i]));
    sum += value * value;
  });
  sum = cuda::across_block<cuda::SumOp>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}
__global__ void total_kernel(const double* sums, std::int64_t count, double* total) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += sums[i];
  sum = cuda::across_block<cuda::SumOp>(sum);
  if (threadIdx.x == 0) *total = sum;
}

std::int64_t blocks_of(const Array& x) { return cuda::sum_blocks(x.size()); }

void launch_squares(const Array& x, double* sums) {
  if (x.size() == 0) return;
  cuda::dispatch_floating(x.dtype(), "sum_of_squares", [&](auto tag) {
    using T = typename decltype(tag)::type;
    squares_kernel<<<static_cast<unsigned>(blocks_of(x)), kThreads, 0, stream_for(x)>>>(pointer<const T>(x), x.size(),
                                                                                        sums);
  });
}

Array sum_of_squares_cuda(const Array& first, const std::vector<Array>& others) {
  std::int64_t blocks = blocks_of(first);
  for (const Array& x : others) blocks += blocks_of(x);
  const Array sums = empty({blocks + 1}, Dtype::kFloat64, first.device());
  auto* const data = pointer<double>(sums);
  const cudaStream_t stream = stream_for(first);
  launch_squares(first, data);
  std::int64_t at = blocks_of(first);
  for (const Array& x : others) {
    launch_squares(x, data + at);
    at += blocks_of(x);
  }
  total_kernel<<<1, 512, 0, stream>>>(data, blocks, data + blocks);
  cuda::check_launch("sum_of_squares");
  return sums.slice(0, {.start = blocks});
}

__global__ void decide_step_kernel(double* control, const double* squares, StepDecision decision) {
  formulas::decide_step(control, *squares, decision);
}

void decide_step_cuda(const Array& control, const Array& squares, const StepDecision& decision) {
  decide_step_kernel<<<1, 1, 0, stream_for(control)>>>(pointer<double>(control), pointer<const double>(squares),
                                                       decision);
  cuda::check_launch("decide_step");
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_sgd(sgd_update, kCuda, sgd_cuda);
const Implementation cuda_momentum_sgd(momentum_sgd_update, kCuda, momentum_sgd_cuda);
const Implementation cuda_nesterov_ag(nesterov_ag_update, kCuda, nesterov_ag_cuda);
const Implementation cuda_adam(adam_update, kCuda, adam_cuda);
const Implementation cuda_adopt_values(adopt_values, kCuda, adopt_values_cuda);
const Implementation cuda_decide_step(decide_step, kCuda, decide_step_cuda);
const Implementation cuda_sum_of_squares(sum_of_squares, kCuda, sum_of_squares_cuda);

}  // namespace
}  // namespace rensa::kernels
