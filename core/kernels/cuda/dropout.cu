#include "core/kernels/dropout.h"

#include "core/device/philox.h"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

/// Samples are numbered below 2^40; the operation's number within the step goes above them. As on the CPU.
constexpr int kSampleBits = 40;

struct Draw {
  std::uint32_t key0, key1;
  std::uint64_t first_sample, use;
  std::uint64_t threshold;  ///< a word below it drops the element
};

/// A thread has four elements of a row: the words of one counter.
template <class T>
__global__ void dropout_kernel(const T* x, T* y, std::int64_t rows, std::int64_t row_size, Draw draw, double scale) {
  const std::int64_t groups = (row_size + 3) / 4, step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  const auto factor = static_cast<cuda::Computed<T>>(scale);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < rows * groups;
       i += step) {
    const std::int64_t row = i / groups, group = i % groups;
    const std::uint64_t sample = (draw.first_sample + static_cast<std::uint64_t>(row)) | draw.use << kSampleBits;
    const PhiloxWords words = philox(static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(sample),
                                     static_cast<std::uint32_t>(sample >> 32),
                                     static_cast<std::uint32_t>(Purpose::kDropout), draw.key0, draw.key1);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const std::int64_t at = group * 4 + k;
      if (at >= row_size) break;
      const bool kept = words.word[k] >= draw.threshold;
      y[row * row_size + at] = kept ? cuda::narrow<T>(cuda::widen(x[row * row_size + at]) * factor) : T(0.0f);
    }
  }
}

Array dropout_cuda(const Array& x, double ratio, const RandomContext& at) {
  const Array y = empty(x.shape(), x.dtype(), x.device());
  if (x.size() == 0) return y;
  const std::int64_t rows = x.ndim() == 0 ? 1 : x.shape()[0], row_size = x.size() / rows;
  const RandomStream stream(at.seed, Purpose::kDropout, at.step);
  const Draw draw{stream.key()[0], stream.key()[1], at.first_sample, at.uses,
                  static_cast<std::uint64_t>(ratio * 0x1p32)};
  cuda::dispatch_floating(x.dtype(), "dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    dropout_kernel<<<cuda::blocks_for(rows * ((row_size + 3) / 4)), cuda::kThreads, 0, cuda::stream_for(x)>>>(
        cuda::pointer<const T>(x), cuda::pointer<T>(y), rows, row_size, draw, 1 / (1 - ratio));
    cuda::check_launch("dropout");
  });
  return y;
}

const Implementation cuda_dropout(dropout, DeviceKind::kCuda, dropout_cuda);

}  // namespace
}  // namespace rensa::kernels
