#include "core/kernels/reduction.h"

#include <algorithm>
#include <vector>

#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/cuda/strided.h"

namespace rensa::kernels {
namespace {

using cuda::Computed;
using cuda::pointer;
using cuda::Strided;

/// How the work is cut, which follows from the shape alone: so do the bits of the result.
struct Plan {
  Strided<2> kept;     ///< where a result lies in x and in y
  Strided<1> reduced;  ///< where its elements lie in x
  bool along_rows;     ///< a result's elements are closer together than neighbouring results
  unsigned parts;      ///< blocks that share a result's elements
};

constexpr std::int64_t kEnoughBlocks = 1024;

/// A block's threads share the elements of one result.
template <class Op, class T>
__global__ void rows_kernel(const T* x, T* y, Computed<T>* partial, Plan plan) {
  const auto result = blockIdx.x;
  const auto at = plan.kept.offsets(result);
  const std::uint32_t step = blockDim.x * plan.parts;
  Computed<T> sum = static_cast<Computed<T>>(Op::kStart);
  for (std::uint32_t i = blockIdx.y * blockDim.x + threadIdx.x; i < plan.reduced.count; i += step) {
    sum = Op::join(sum, cuda::widen(x[at.at[0] + plan.reduced.offsets(i).at[0]]));
  }
  sum = cuda::across_block<Op>(sum);
  if (threadIdx.x != 0) return;
  if (partial) {
    partial[blockIdx.y * plan.kept.count + result] = sum;
  } else {
    y[at.at[1]] = cuda::narrow<T>(sum);
  }
}

/// Neighbouring threads have neighbouring results; eight rows of a block share the elements.
template <class Op, class T>
__global__ void columns_kernel(const T* x, T* y, Computed<T>* partial, Plan plan) {
  __shared__ Computed<T> of_row[8][33];
  const std::uint32_t result = blockIdx.x * 32 + threadIdx.x;
  Computed<T> sum = static_cast<Computed<T>>(Op::kStart);
  typename Strided<2>::Offsets at = {};
  if (result < plan.kept.count) {
    at = plan.kept.offsets(result);
    const std::uint32_t step = 8 * plan.parts;
    for (std::uint32_t i = blockIdx.y * 8 + threadIdx.y; i < plan.reduced.count; i += step) {
      sum = Op::join(sum, cuda::widen(x[at.at[0] + plan.reduced.offsets(i).at[0]]));
    }
  }
  of_row[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || result >= plan.kept.count) return;
#pragma unroll
  for (int row = 1; row < 8; ++row) sum = Op::join(sum, of_row[row][threadIdx.x]);
  if (partial) {
    partial[blockIdx.y * plan.kept.count + result] = sum;
  } else {
    y[at.at[1]] = cuda::narrow<T>(sum);
  }
}

template <class Op, class T>
__global__ void join_parts_kernel(const Computed<T>* partial, T* y, Plan plan) {
  const std::uint32_t result = blockIdx.x;
  Computed<T> sum = static_cast<Computed<T>>(Op::kStart);
  for (std::uint32_t part = threadIdx.x; part < plan.parts; part += 32) {
    sum = Op::join(sum, partial[part * plan.kept.count + result]);
  }
  sum = cuda::across_warp<Op>(sum);
  if (threadIdx.x == 0) y[plan.kept.offsets(result).at[1]] = cuda::narrow<T>(sum);
}

/// The axes in the order in which they lie in memory, kept ones and reduced ones apart.
Plan make_plan(const Array& x, const Array& y, const Dims& axes) {
  std::vector<int> order(static_cast<std::size_t>(x.ndim()));
  for (int i = 0; i < x.ndim(); ++i) order[static_cast<std::size_t>(i)] = i;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x.strides()[a] > x.strides()[b]; });
  Shape kept, reduced;
  Strides kept_in_x, kept_in_y, reduced_in_x;
  for (const int axis : order) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      kept.push_back(x.shape()[axis]);
      kept_in_x.push_back(x.strides()[axis]);
      kept_in_y.push_back(y.strides()[axis]);
    } else {
      reduced.push_back(x.shape()[axis]);
      reduced_in_x.push_back(x.strides()[axis]);
    }
  }
  Plan plan{Strided<2>(kept, {kept_in_x, kept_in_y}), Strided<1>(reduced, {reduced_in_x}), true, 1};
  plan.along_rows =
      plan.kept.axes == 0 || (plan.reduced.axes > 0 && plan.reduced.stride[0][0] < plan.kept.stride[0][0]);
  const std::int64_t blocks = plan.along_rows ? plan.kept.count : (plan.kept.count + 31) / 32;
  const std::int64_t least = plan.along_rows ? 8 * cuda::kThreads : 8 * 16;  // elements that are worth a block
  plan.parts = static_cast<unsigned>(
      std::clamp<std::int64_t>(kEnoughBlocks / blocks, 1, std::max<std::int64_t>(1, plan.reduced.count / least)));
  return plan;
}

template <class Op, class T>
void launch(const char* name, const Array& x, const Array& y, const Plan& plan) {
  const cudaStream_t stream = cuda::stream_for(x);
  const Array parts =
      plan.parts > 1 ? empty({plan.parts, plan.kept.count}, kDtypeOf<Computed<T>>, x.device()) : Array();
  auto* const partial = parts ? pointer<Computed<T>>(parts) : nullptr;
  const auto results = static_cast<unsigned>(plan.kept.count);
  if (plan.along_rows) {
    const int threads = cuda::threads_for_row(plan.reduced.count / plan.parts);
    rows_kernel<Op>
        <<<dim3(results, plan.parts), threads, 0, stream>>>(pointer<const T>(x), pointer<T>(y), partial, plan);
  } else {
    columns_kernel<Op><<<dim3((results + 31) / 32, plan.parts), dim3(32, 8), 0, stream>>>(pointer<const T>(x),
                                                                                          pointer<T>(y), partial, plan);
  }
  cuda::check_launch(name);
  if (!partial) return;
  join_parts_kernel<Op><<<results, 32, 0, stream>>>(partial, pointer<T>(y), plan);
  cuda::check_launch(name);
}

/// The axis along which work is halved: a kept one if there is any. Then y is halved with x; the halves of a reduced
/// axis have y's size each, and are reduced once more.
int axis_to_halve(const Array& x, const Dims& axes) {
  int reduced = 0;
  for (int axis = x.ndim() - 1; axis >= 0; --axis) {
    if (x.shape()[axis] == 1) continue;
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) return axis;
    reduced = axis;
  }
  return reduced;
}

/// Into `y`, which is x's shape with 1 for the axes.
template <class Op>
void reduce_into(const char* name, const Array& x, const Dims& axes, const Array& y) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1;
  if (x.size() > kMost) {  // indices in kernels have 32 bits
    const int axis = axis_to_halve(x, axes);
    const std::int64_t half = x.shape()[axis] / 2, size = x.shape()[axis];
    const Array low = x.slice(axis, {.start = 0, .stop = half}), high = x.slice(axis, {.start = half, .stop = size});
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      reduce_into<Op>(name, low, axes, y.slice(axis, {.start = 0, .stop = half}));
      reduce_into<Op>(name, high, axes, y.slice(axis, {.start = half, .stop = size}));
      return;
    }
    Shape both = y.shape();
    both[axis] = 2;
    const Array halves = empty(both, x.dtype(), x.device());
    reduce_into<Op>(name, low, axes, halves.slice(axis, {.start = 0, .stop = 1}));
    reduce_into<Op>(name, high, axes, halves.slice(axis, {.start = 1, .stop = 2}));
    return reduce_into<Op>(name, halves, Dims{axis}, y);
  }
  const Plan plan = make_plan(x, y, axes);
  cuda::dispatch_floating(x.dtype(), name,
                          [&](auto tag) { launch<Op, typename decltype(tag)::type>(name, x, y, plan); });
}

template <class Op>
Array reduce(const char* name, const Array& x, const Dims& axes) {
  Shape shape = x.shape();
  for (const std::int64_t axis : axes) shape[static_cast<int>(axis)] = 1;
  Array y = empty_like(x, shape);
  if (!is_floating(x.dtype())) cuda::dispatch_floating(x.dtype(), name, [](auto) {});
  if (y.size() == 0) return y;
  if (x.size() == 0) {
    y.fill(Op::kStart);
    return y;
  }
  reduce_into<Op>(name, x, axes, y);
  return y;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_sum(sum, kCuda,
                              [](const Array& x, const Dims& axes) { return reduce<cuda::SumOp>("sum", x, axes); });
const Implementation cuda_max(max, kCuda,
                              [](const Array& x, const Dims& axes) { return reduce<cuda::MaxOp>("max", x, axes); });
const Implementation cuda_prod(prod, kCuda, [](const Array& x, const Dims& axes) {
  return reduce<cuda::ProductOp>("prod", x, axes);
});

}  // namespace
}  // namespace rensa::kernels
