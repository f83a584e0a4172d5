#include "core/kernels/accuracy.h"

#include <algorithm>

#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using cuda::kThreads;
using cuda::pointer;
using cuda::stream_for;

using Count = unsigned long long;

/// A warp looks at a place. counts: right places, and those that count. Whole numbers: any order gives the same sum.
template <class T>
__global__ void count_right_kernel(const T* y, const std::int64_t* t, std::int64_t all, std::int64_t places,
                                   std::int64_t classes, std::int64_t k, bool ignores, std::int64_t ignored,
                                   Count* counts) {
  const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
  Count right = 0, counted = 0;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32; i < all;
       i += static_cast<std::int64_t>(gridDim.x) * warps) {
    const std::int64_t label = t[i];
    if (ignores && label == ignored) continue;
    ++counted;
    if (label < 0 || label >= classes) continue;
    const T* scores = y + i / places * classes * places + i % places;
    const auto own = cuda::widen(scores[label * places]);
    int better = 0;
    for (std::int64_t c = lane; c < classes; c += 32) {
      const auto score = cuda::widen(scores[c * places]);
      if (!(score <= own) || (score == own && c < label)) ++better;
    }
    right += cuda::across_warp<cuda::SumOp>(better) < k;
  }
  if (lane == 0 && counted > 0) {
    atomicAdd(counts, right);
    atomicAdd(counts + 1, counted);
  }
}

__global__ void share_kernel(const Count* counts, double* share) {
  *share = counts[1] == 0 ? 0 : static_cast<double>(counts[0]) / static_cast<double>(counts[1]);
}

Array accuracy_cuda(const Array& y, const Array& t, std::int64_t k, const std::optional<std::int64_t>& ignored) {
  const std::int64_t classes = y.shape()[1], places = t.size() / std::max<std::int64_t>(t.shape()[0], 1);
  const Array counts = zeros({2}, Dtype::kInt64, y.device()), share = empty({}, Dtype::kFloat64, y.device());
  const cudaStream_t stream = stream_for(y);
  if (t.size() > 0) {
    cuda::dispatch_floating(y.dtype(), "accuracy", [&](auto tag) {
      using T = typename decltype(tag)::type;
      count_right_kernel<<<cuda::blocks_for(t.size(), kThreads / 32), kThreads, 0, stream>>>(
          pointer<const T>(y), pointer<const std::int64_t>(t), t.size(), places, classes, k, ignored.has_value(),
          ignored.value_or(0), pointer<Count>(counts));
    });
  }
  share_kernel<<<1, 1, 0, stream>>>(pointer<const Count>(counts), pointer<double>(share));
  cuda::check_launch("accuracy");
  return share;
}

const Implementation cuda_accuracy(accuracy, DeviceKind::kCuda, accuracy_cuda);

}  // namespace
}  // namespace rensa::kernels
