#include "core/kernels/row_normalization.h"

#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/columns.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using cuda::across_block;
using cuda::Computed;
using cuda::narrow;
using cuda::pointer;
using cuda::SumOp;
using cuda::widen;

/// A block works on a row, which stays in the caches.
template <class T>
__global__ void normalize_kernel(const T* x, const T* gamma, const T* beta, T* y, double* means, double* inverses,
                                 std::int64_t n, double eps, bool centre) {
  using C = Computed<T>;
  x += blockIdx.x * n;
  y += blockIdx.x * n;
  const C count = static_cast<C>(n);
  C mean = 0;
  if (centre) {
    for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) mean += widen(x[i]);
    mean = across_block<SumOp>(mean) / count;
  }
  C squares = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const C d = widen(x[i]) - mean;
    squares += d * d;
  }
  const double inverse = 1 / std::sqrt(static_cast<double>(across_block<SumOp>(squares) / count) + eps);
  if (threadIdx.x == 0) {
    means[blockIdx.x] = static_cast<double>(mean);
    inverses[blockIdx.x] = inverse;
  }
  const C scale = static_cast<C>(inverse);
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    C v = (widen(x[i]) - mean) * scale;
    if (gamma) v *= widen(gamma[i]);
    if (beta) v += widen(beta[i]);
    y[i] = narrow<T>(v);
  }
}

/// gx = inv_std (h - mean(h) - xhat mean(h xhat)) for h = gy gamma.
template <class T>
__global__ void normalize_grad_kernel(const T* gy, const T* x, const T* gamma, const double* means,
                                      const double* inverses, T* gx, std::int64_t n, bool centre) {
  using C = Computed<T>;
  gy += blockIdx.x * n;
  x += blockIdx.x * n;
  gx += blockIdx.x * n;
  const C mean = static_cast<C>(means[blockIdx.x]), scale = static_cast<C>(inverses[blockIdx.x]),
          count = static_cast<C>(n);
  C sum = 0, product = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const C h = widen(gy[i]) * (gamma ? widen(gamma[i]) : C(1));
    sum += h;
    product += h * ((widen(x[i]) - mean) * scale);
  }
  sum = centre ? across_block<SumOp>(sum) / count : C(0);
  product = across_block<SumOp>(product) / count;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const C h = widen(gy[i]) * (gamma ? widen(gamma[i]) : C(1)), xhat = (widen(x[i]) - mean) * scale;
    gx[i] = narrow<T>(scale * (h - sum - xhat * product));
  }
}

/// What a row gives to ggamma and gbeta.
template <class T>
struct ParameterTerms {
  const T *gy, *x;
  const double *means, *inverses;
  std::int64_t n;
  __device__ void operator()(std::int64_t row, std::int64_t i, Computed<T>& ggamma, Computed<T>& gbeta) const {
    using C = Computed<T>;
    const C g = widen(gy[row * n + i]);
    ggamma += g * ((widen(x[row * n + i]) - static_cast<C>(means[row])) * static_cast<C>(inverses[row]));
    gbeta += g;
  }
};
template <class T>
struct WriteParameters {
  T *ggamma, *gbeta;
  __device__ void operator()(std::int64_t i, double a, double b) const {
    ggamma[i] = narrow<T>(static_cast<Computed<T>>(a));
    gbeta[i] = narrow<T>(static_cast<Computed<T>>(b));
  }
};

std::array<Array, 3> normalize(const Array& x, const Array& gamma, const Array& beta, double eps, bool centre) {
  const std::int64_t rows = x.shape()[0], n = x.shape()[1];
  const Array y = empty(x.shape(), x.dtype(), x.device()), means = empty({rows}, Dtype::kFloat64, x.device()),
              inverses = empty({rows}, Dtype::kFloat64, x.device());
  cuda::dispatch_floating(x.dtype(), "layer_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (rows == 0) return;
    normalize_kernel<<<static_cast<unsigned>(rows), cuda::threads_for_row(n), 0, cuda::stream_for(x)>>>(
        pointer<const T>(x), pointer<const T>(gamma), pointer<const T>(beta), pointer<T>(y), pointer<double>(means),
        pointer<double>(inverses), n, eps, centre);
    cuda::check_launch("layer_normalization");
  });
  return {y, means, inverses};
}

std::array<Array, 3> normalize_grad(const Array& gy, const Array& x, const Array& gamma, const Array& means,
                                    const Array& inverses, bool centre) {
  const std::int64_t rows = x.shape()[0], n = x.shape()[1];
  const Array gx = empty(x.shape(), x.dtype(), x.device()), ggamma = empty({n}, x.dtype(), x.device()),
              gbeta = empty({n}, x.dtype(), x.device());
  cuda::dispatch_floating(x.dtype(), "layer_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (n == 0) return;
    const auto *m = pointer<const double>(means), *s = pointer<const double>(inverses);
    if (rows > 0) {
      normalize_grad_kernel<<<static_cast<unsigned>(rows), cuda::threads_for_row(n), 0, cuda::stream_for(x)>>>(
          pointer<const T>(gy), pointer<const T>(x), pointer<const T>(gamma), m, s, pointer<T>(gx), n, centre);
      cuda::check_launch("layer_normalization_grad");
    }
    cuda::column_sums<Computed<T>>("layer_normalization_grad",
                                   ParameterTerms<T>{pointer<const T>(gy), pointer<const T>(x), m, s, n}, rows, n, x,
                                   WriteParameters<T>{pointer<T>(ggamma), pointer<T>(gbeta)});
  });
  return {gx, ggamma, gbeta};
}

const Implementation cuda_row_normalization(row_normalization, DeviceKind::kCuda, normalize);
const Implementation cuda_row_normalization_grad(row_normalization_grad, DeviceKind::kCuda, normalize_grad);

}  // namespace
}  // namespace rensa::kernels
