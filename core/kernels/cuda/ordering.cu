#include "core/kernels/ordering.h"

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

/// Whether element b takes the place of element a; the one that comes first of equal ones stays, not-a-number wins.
template <class C>
__device__ bool replaces(C b, std::int64_t at_b, C a, std::int64_t at_a, bool largest) {
  if (at_b < 0) return false;
  if (at_a < 0) return true;
  const bool a_is_none = a != a, b_is_none = b != b;
  if (a_is_none || b_is_none) return b_is_none && (!a_is_none || at_b < at_a);
  if (a == b) return at_b < at_a;
  return largest ? b > a : b < a;
}

/// A block works on a line.
template <class T>
__global__ void extreme_kernel(const T* x, std::int64_t* y, std::int64_t n, bool largest) {
  using C = cuda::Computed<T>;
  __shared__ C values[cuda::kThreads];
  __shared__ std::int64_t places[cuda::kThreads];
  x += blockIdx.x * n;
  C best = 0;
  std::int64_t place = -1;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    const C value = cuda::widen(x[i]);
    if (!replaces(value, i, best, place, largest)) continue;
    best = value;
    place = i;
  }
  values[threadIdx.x] = best;
  places[threadIdx.x] = place;
  for (unsigned step = blockDim.x / 2; step > 0; step /= 2) {
    __syncthreads();
    if (threadIdx.x >= step) continue;
    const unsigned other = threadIdx.x + step;
    if (!replaces(values[other], places[other], values[threadIdx.x], places[threadIdx.x], largest)) continue;
    values[threadIdx.x] = values[other];
    places[threadIdx.x] = places[other];
  }
  if (threadIdx.x == 0) y[blockIdx.x] = places[0];
}

Array position_of_extreme_cuda(const Array& x, bool largest) {
  Shape shape = x.shape();
  const std::int64_t n = shape.back();
  shape.erase(shape.ndim() - 1);
  const Array y = empty(shape, Dtype::kInt64, x.device());
  if (y.size() == 0) return y;
  const auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    extreme_kernel<<<static_cast<unsigned>(y.size()), cuda::kThreads, 0, cuda::stream_for(x)>>>(
        cuda::pointer<const T>(x), cuda::pointer<std::int64_t>(y), n, largest);
    cuda::check_launch("argmax");
  };
  cuda::dispatch_ordered(x.dtype(), "argmax", run);
  return y;
}

const Implementation cuda_position_of_extreme(position_of_extreme, DeviceKind::kCuda, position_of_extreme_cuda);

}  // namespace
}  // namespace rensa::kernels
