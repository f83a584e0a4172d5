#include "core/kernels/batch_normalization.h"

#include "core/kernels/cuda/columns.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::Computed;
using cuda::kThreads;
using cuda::narrow;
using cuda::pointer;
using cuda::widen;

/// x as rows of channels.
struct Rows {
  Array array;
  std::int64_t count, channels;
  explicit Rows(const Array& x)
      : array(x.ndim() == 2 ? x.contiguous() : x.channels_last()),
        count(x.shape()[1] == 0 ? 0 : x.size() / x.shape()[1]),
        channels(x.shape()[1]) {}
};

Array like_rows(const Array& x) {
  return empty(x.shape(), x.dtype(), x.device(), x.ndim() == 2 ? Layout::kRowMajor : Layout::kChannelsLast);
}

/// Sums are taken from the first row on, so that no digits are lost to a large mean.
template <class T>
struct StatisticsTerms {
  const T* x;
  std::int64_t channels;
  __device__ void operator()(std::int64_t row, std::int64_t c, Computed<T>& a, Computed<T>& b) const {
    const Computed<T> d = widen(x[row * channels + c]) - widen(x[c]);
    a += d;
    b += d * d;
  }
};
template <class T>
struct WriteStatistics {
  const T* x;
  double count, *mean, *variance;
  __device__ void operator()(std::int64_t c, double a, double b) const {
    const double from_origin = a / count, v = b / count - from_origin * from_origin;
    mean[c] = from_origin + static_cast<double>(widen(x[c]));
    variance[c] = v > 0 || v != v ? v : 0;
  }
};

std::array<Array, 2> batch_statistics_cuda(const Array& x) {
  const Rows rows(x);
  const Array mean = empty({rows.channels}, Dtype::kFloat64, x.device()),
              variance = empty({rows.channels}, Dtype::kFloat64, x.device());
  cuda::dispatch_floating(x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (rows.count == 0) return;
    const auto* data = pointer<const T>(rows.array);
    cuda::column_sums<Computed<T>>(
        "batch_statistics", StatisticsTerms<T>{data, rows.channels}, rows.count, rows.channels, x,
        WriteStatistics<T>{data, static_cast<double>(rows.count), pointer<double>(mean), pointer<double>(variance)});
  });
  return {mean, variance};
}

template <class T, class S>
__global__ void fold_kernel(const T* gamma, const T* beta, const S* mean, const S* var, double eps, double* inv_std,
                            double* scale, double* shift, std::int64_t channels) {
  const std::int64_t c = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (c >= channels) return;
  const double inverse = 1 / std::sqrt(static_cast<double>(var[c]) + eps);
  const double factor = static_cast<double>(widen(gamma[c])) * inverse;
  inv_std[c] = inverse;
  scale[c] = factor;
  shift[c] = static_cast<double>(widen(beta[c])) - static_cast<double>(mean[c]) * factor;
}

FoldedStatistics fold_cuda(const Array& gamma, const Array& beta, const Array& mean, const Array& var, double eps) {
  const std::int64_t channels = mean.size();
  const FoldedStatistics folded{empty({channels}, Dtype::kFloat64, mean.device()),
                                empty({channels}, Dtype::kFloat64, mean.device()),
                                empty({channels}, Dtype::kFloat64, mean.device())};
  if (channels == 0) return folded;
  const Array g = gamma.contiguous(), b = beta.contiguous(), m = mean.contiguous(),
              v = var.to(mean.dtype()).contiguous();
  cuda::dispatch_floating(gamma.dtype(), "fold_statistics", [&](auto own) {
    cuda::dispatch_wide(mean.dtype(), "fold_statistics", [&](auto statistics) {
      using T = typename decltype(own)::type;
      using S = typename decltype(statistics)::type;
      fold_kernel<<<blocks_for(channels), kThreads, 0, cuda::stream_for(mean)>>>(
          pointer<const T>(g), pointer<const T>(b), pointer<const S>(m), pointer<const S>(v), eps,
          pointer<double>(folded.inv_std), pointer<double>(folded.scale), pointer<double>(folded.shift), channels);
    });
  });
  cuda::check_launch("fold_statistics");
  return folded;
}

template <class T>
__global__ void move_average_kernel(T* average, const double* now, double decay, double correction,
                                    std::int64_t channels) {
  const std::int64_t c = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (c < channels)
    average[c] = static_cast<T>(decay * static_cast<double>(average[c]) + (1 - decay) * correction * now[c]);
}

void move_average_cuda(const Array& average, const Array& now, double decay, double correction) {
  const std::int64_t channels = average.size();
  if (channels == 0) return;
  const Array values = now.to(Dtype::kFloat64).contiguous();
  cuda::dispatch_wide(average.dtype(), "move_average", [&](auto tag) {
    using T = typename decltype(tag)::type;
    move_average_kernel<<<blocks_for(channels), kThreads, 0, cuda::stream_for(average)>>>(
        pointer<T>(average), pointer<const double>(values), decay, correction, channels);
  });
  cuda::check_launch("move_average");
}

/// How many elements of rows of channels a thread takes at once: a pack never crosses rows.
template <class T>
struct Packs {
  std::int64_t elements, channels;
  int width;  ///< elements of a pack: 16 bytes of them, or 1
  Packs(const Rows& rows, std::initializer_list<const void*> pointers)
      : elements(rows.count * rows.channels), channels(rows.channels), width(cuda::Pack<T>::kCount) {
    bool aligned = channels % width == 0;
    for (const void* p : pointers) aligned = aligned && reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
    if (!aligned) width = 1;
  }
};

template <class T, int kWidth>
struct alignas(kWidth * sizeof(T)) Elements {
  T value[kWidth];
  __device__ static Elements load(const T* from) {
    Elements result;
    if constexpr (kWidth * sizeof(T) == 16) {
      *reinterpret_cast<uint4*>(result.value) = *reinterpret_cast<const uint4*>(from);
    } else {
      for (int k = 0; k < kWidth; ++k) result.value[k] = from[k];
    }
    return result;
  }
  __device__ void store(T* to) const {
    if constexpr (kWidth * sizeof(T) == 16) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(value);
    } else {
      for (int k = 0; k < kWidth; ++k) to[k] = value[k];
    }
  }
};

/// y = x scale + shift (+ residual), relu. The two numbers a channel are float64 and read through the caches.
template <class T, int kWidth>
__global__ void scale_and_shift_kernel(const T* x, const double* scale, const double* shift, const T* residual, T* y,
                                       std::int64_t elements, std::int64_t channels, bool relu) {
  using C = Computed<T>;
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x) * kWidth;
  for (std::int64_t i = (blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) * kWidth; i < elements;
       i += step) {
    const std::int64_t channel = i % channels;
    auto out = Elements<T, kWidth>::load(x + i), added = out;
    if (residual) added = Elements<T, kWidth>::load(residual + i);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      C v = widen(out.value[k]) * static_cast<C>(scale[channel + k]) + static_cast<C>(shift[channel + k]);
      if (residual) v += widen(added.value[k]);
      out.value[k] = narrow<T>(relu && v < 0 ? C(0) : v);
    }
    out.store(y + i);
  }
}

Array scale_and_shift_cuda(const Array& x, const Array& scale, const Array& shift, const Array& residual, bool relu) {
  const Rows rows(x);
  const Array added = residual ? Rows(residual).array : Array(), y = like_rows(x);
  cuda::dispatch_floating(x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (y.size() == 0) return;
    const Packs<T> packs(rows, {rows.array.raw_data(), added.raw_data(), y.raw_data()});
    const auto run = [&](auto* kernel) {
      kernel<<<blocks_for(packs.elements / packs.width), kThreads, 0, cuda::stream_for(x)>>>(
          pointer<const T>(rows.array), pointer<const double>(scale), pointer<const double>(shift),
          pointer<const T>(added), pointer<T>(y), packs.elements, packs.channels, relu);
    };
    packs.width == 1 ? run(scale_and_shift_kernel<T, 1>) : run(scale_and_shift_kernel<T, cuda::Pack<T>::kCount>);
    cuda::check_launch("scale_and_shift");
  });
  return y;
}

/// Whether relu let an element through, as far as x tells.
template <class T>
struct Threshold {
  const double *scale, *shift;  ///< null: everything passes
  __device__ bool passes(Computed<T> x, std::int64_t c) const {
    using C = Computed<T>;
    return !scale || x * static_cast<C>(scale[c]) + static_cast<C>(shift[c]) > 0;
  }
};
template <class T>
Threshold<T> threshold_of(const NormalizedBatch& b) {
  if (b.mask != ReluMask::kFromInput) return {nullptr, nullptr};
  return {pointer<const double>(b.scale), pointer<const double>(b.shift)};
}

template <class T>
struct GradientTerms {
  const T *x, *gy;
  const double *mean, *inv_std;
  Threshold<T> threshold;
  const T* y;  ///< null, or gy passes where it is positive, and is written to `passed`
  T* passed;
  std::int64_t channels;
  __device__ void operator()(std::int64_t row, std::int64_t c, Computed<T>& a, Computed<T>& b) const {
    using C = Computed<T>;
    const std::int64_t at = row * channels + c;
    const C value = widen(x[at]);
    const bool passes = y ? widen(y[at]) > 0 : threshold.passes(value, c);
    const C g = passes ? widen(gy[at]) : C(0);
    if (y) passed[at] = narrow<T>(g);
    if (!passes) return;
    a += g;
    b += g * (value - static_cast<C>(mean[c])) * static_cast<C>(inv_std[c]);
  }
};
struct WriteSums {
  double *a, *b;
  __device__ void operator()(std::int64_t c, double first, double second) const {
    a[c] = first;
    b[c] = second;
  }
};

NormalizationSums sums_cuda(const Array& gy, const NormalizedBatch& batch) {
  const Rows x(batch.x), gradient(gy.to(batch.x.dtype()));
  const bool from_output = batch.mask == ReluMask::kFromOutput;
  const Array y = from_output ? Rows(batch.y).array : Array(), passed = from_output ? like_rows(batch.x) : Array();
  const std::int64_t channels = x.channels;
  const Array a = empty({channels}, Dtype::kFloat64, gy.device()), b = empty({channels}, Dtype::kFloat64, gy.device());
  cuda::dispatch_floating(batch.x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (channels == 0) return;
    cuda::column_sums<Computed<T>>(
        "batch_normalization_sums",
        GradientTerms<T>{pointer<const T>(x.array), pointer<const T>(gradient.array), pointer<const double>(batch.mean),
                         pointer<const double>(batch.inv_std), threshold_of<T>(batch), pointer<const T>(y),
                         pointer<T>(passed), channels},
        x.count, channels, gy, WriteSums{pointer<double>(a), pointer<double>(b)});
  });
  return {a, b, passed};
}

/// gx = p gy' + q x + r. Float64, read through the caches.
struct Coefficients {
  double *q, *r;
};
__global__ void coefficients_kernel(const double* mean, const double* inv_std, const double* scale, const double* gbeta,
                                    const double* ggamma, double count, Coefficients to, std::int64_t channels) {
  const std::int64_t c = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (c >= channels) return;
  const double slope = inv_std[c] * ggamma[c] / count;
  to.q[c] = -scale[c] * slope;
  to.r[c] = scale[c] * (slope * mean[c] - gbeta[c] / count);
}

template <class T, int kWidth>
__global__ void grad_kernel(const T* x, const T* gy, Threshold<T> threshold, const double* p, Coefficients coefficients,
                            T* gx, std::int64_t elements, std::int64_t channels) {
  using C = Computed<T>;
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x) * kWidth;
  for (std::int64_t i = (blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) * kWidth; i < elements;
       i += step) {
    const std::int64_t channel = i % channels;
    const auto xs = Elements<T, kWidth>::load(x + i);
    const auto gs = Elements<T, kWidth>::load(gy + i);
    auto out = gs;
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const std::int64_t c = channel + k;
      const C value = widen(xs.value[k]), g = threshold.passes(value, c) ? widen(gs.value[k]) : C(0);
      out.value[k] = narrow<T>(static_cast<C>(p[c]) * g +
                               (static_cast<C>(coefficients.q[c]) * value + static_cast<C>(coefficients.r[c])));
    }
    out.store(gx + i);
  }
}

Array grad_cuda(const Array& gy, const NormalizedBatch& batch, const Array& gbeta, const Array& ggamma) {
  const Rows x(batch.x), gradient(gy.to(batch.x.dtype()));
  const std::int64_t channels = x.channels;
  const Array gx = like_rows(batch.x);
  if (gx.size() == 0) return gx;
  const Array numbers = empty({2, channels}, Dtype::kFloat64, gy.device());
  const Coefficients coefficients{pointer<double>(numbers), pointer<double>(numbers) + channels};
  coefficients_kernel<<<blocks_for(channels), kThreads, 0, cuda::stream_for(gy)>>>(
      pointer<const double>(batch.mean), pointer<const double>(batch.inv_std), pointer<const double>(batch.scale),
      pointer<const double>(gbeta.contiguous()), pointer<const double>(ggamma.contiguous()), batch.count, coefficients,
      channels);
  cuda::check_launch("batch_normalization_grad");
  cuda::dispatch_floating(batch.x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Packs<T> packs(x, {x.array.raw_data(), gradient.array.raw_data(), gx.raw_data()});
    const auto run = [&](auto* kernel) {
      kernel<<<blocks_for(packs.elements / packs.width), kThreads, 0, cuda::stream_for(gy)>>>(
          pointer<const T>(x.array), pointer<const T>(gradient.array), threshold_of<T>(batch),
          pointer<const double>(batch.scale), coefficients, pointer<T>(gx), packs.elements, packs.channels);
    };
    packs.width == 1 ? run(grad_kernel<T, 1>) : run(grad_kernel<T, cuda::Pack<T>::kCount>);
    cuda::check_launch("batch_normalization_grad");
  });
  return gx;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_statistics(batch_statistics, kCuda, batch_statistics_cuda);
const Implementation cuda_fold(fold_statistics, kCuda, fold_cuda);
const Implementation cuda_move_average(move_average, kCuda, move_average_cuda);
const Implementation cuda_scale_and_shift(scale_and_shift, kCuda, scale_and_shift_cuda);
const Implementation cuda_sums(batch_normalization_sums, kCuda, sums_cuda);
const Implementation cuda_grad(batch_normalization_grad, kCuda, grad_cuda);

}  // namespace
}  // namespace rensa::kernels
