#include "core/kernels/memory.h"

#include <cmath>

#include "core/kernels/cuda/elementwise.cuh"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::kThreads;
using cuda::pointer;
using cuda::stream_for;
using cuda::Strided;

/// A number on its way between two dtypes: every whole number is exact in `whole`, every floating one in `real`.
struct Number {
  long long whole;
  double real;
  bool is_whole;
};

__device__ Number load(const void* data, std::int64_t at, Dtype dtype) {
  const auto of_whole = [](long long v) { return Number{v, 0, true}; };
  const auto of_real = [](double v) { return Number{0, v, false}; };
  switch (dtype) {
    case Dtype::kBool:
      return of_whole(static_cast<const bool*>(data)[at]);
    case Dtype::kUInt8:
      return of_whole(static_cast<const std::uint8_t*>(data)[at]);
    case Dtype::kInt8:
      return of_whole(static_cast<const std::int8_t*>(data)[at]);
    case Dtype::kInt32:
      return of_whole(static_cast<const std::int32_t*>(data)[at]);
    case Dtype::kInt64:
      return of_whole(static_cast<const std::int64_t*>(data)[at]);
    case Dtype::kFloat16:
      return of_real(cuda::widen(static_cast<const Float16*>(data)[at]));
    case Dtype::kBFloat16:
      return of_real(cuda::widen(static_cast<const BFloat16*>(data)[at]));
    case Dtype::kFloat32:
      return of_real(static_cast<const float*>(data)[at]);
    default:
      return of_real(static_cast<const double*>(data)[at]);
  }
}

template <class T>
__device__ T as(const Number& n) {
  if constexpr (std::is_same_v<T, bool>) {
    return n.is_whole ? n.whole != 0 : n.real != 0;
  } else {
    return n.is_whole ? static_cast<T>(n.whole) : static_cast<T>(n.real);
  }
}

__device__ void store(const Number& n, void* data, std::int64_t at, Dtype dtype) {
  switch (dtype) {
    case Dtype::kBool:
      static_cast<bool*>(data)[at] = as<bool>(n);
      return;
    case Dtype::kUInt8:
      static_cast<std::uint8_t*>(data)[at] = as<std::uint8_t>(n);
      return;
    case Dtype::kInt8:
      static_cast<std::int8_t*>(data)[at] = as<std::int8_t>(n);
      return;
    case Dtype::kInt32:
      static_cast<std::int32_t*>(data)[at] = as<std::int32_t>(n);
      return;
    case Dtype::kInt64:
      static_cast<std::int64_t*>(data)[at] = as<long long>(n);
      return;
    case Dtype::kFloat16:
      static_cast<Float16*>(data)[at] = cuda::narrow<Float16>(as<float>(n));
      return;
    case Dtype::kBFloat16:
      static_cast<BFloat16*>(data)[at] = cuda::narrow<BFloat16>(as<float>(n));
      return;
    case Dtype::kFloat32:
      static_cast<float*>(data)[at] = as<float>(n);
      return;
    default:
      static_cast<double*>(data)[at] = as<double>(n);
      return;
  }
}

__global__ void convert_kernel(void* to, Dtype to_dtype, const void* from, Dtype from_dtype, Strided<2> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    store(load(from, at.at[1], from_dtype), to, at.at[0], to_dtype);
  }
}

template <class Bits>
__global__ void move_kernel(Bits* to, const Bits* from, Strided<2> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    to[at.at[0]] = from[at.at[1]];
  }
}

/// Between two floating types of elements that lie alike, four at a time.
template <class To, class From>
__global__ void convert_dense_kernel(To* __restrict__ to, const From* __restrict__ from, std::int64_t count) {
  const std::int64_t threads = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = 4 * (blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x); i < count;
       i += 4 * threads) {
    From values[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) values[k] = i + k < count ? from[i + k] : from[i];
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (i + k < count) to[i + k] = cuda::narrow<To>(static_cast<cuda::Computed<To>>(cuda::widen(values[k])));
    }
  }
}

/// 32 x 32 elements at a time through shared memory, for (batch, rows, columns) with neighbours along the rows on one
/// side and along the columns on the other: from channels-first to channels-last and back.
template <class Bits>
__global__ void transpose_kernel(Bits* to, const Bits* from, std::int64_t rows, std::int64_t columns) {
  __shared__ Bits tile[32][33];
  const std::int64_t picture = static_cast<std::int64_t>(blockIdx.z) * rows * columns;
  const std::int64_t column = blockIdx.x * std::int64_t{32} + threadIdx.x;
  for (int k = threadIdx.y; k < 32; k += 8) {
    const std::int64_t row = blockIdx.y * std::int64_t{32} + k;
    if (row < rows && column < columns) tile[k][threadIdx.x] = from[picture + row * columns + column];
  }
  __syncthreads();
  const std::int64_t row = blockIdx.y * std::int64_t{32} + threadIdx.x;
  for (int k = threadIdx.y; k < 32; k += 8) {
    const std::int64_t other = blockIdx.x * std::int64_t{32} + k;
    if (row < rows && other < columns) to[picture + other * rows + row] = tile[threadIdx.x][k];
  }
}

/// Whether the copy turns every picture of (N, C, H, W) from one of the two layouts into the other.
bool transposes_pictures(const Array& target, const Array& source, std::int64_t& rows, std::int64_t& columns) {
  if (target.ndim() != 4 || target.dtype() != source.dtype() || target.shape()[0] > 65535) return false;
  const std::int64_t channels = target.shape()[1], pixels = target.shape()[2] * target.shape()[3];
  const bool to_last = source.is_contiguous() && target.is_channels_last();
  const bool to_first = source.is_channels_last() && target.is_contiguous();
  if (!to_last && !to_first) return false;
  rows = to_last ? channels : pixels;
  columns = to_last ? pixels : channels;
  return rows >= 8 && columns >= 8 && (rows + 31) / 32 <= 65535;
}

void move(const Array& target, const Array& source) {
  const cudaStream_t stream = stream_for(target);
  std::int64_t rows = 0, columns = 0;
  if (transposes_pictures(target, source, rows, columns)) {
    const dim3 blocks(static_cast<unsigned>((columns + 31) / 32), static_cast<unsigned>((rows + 31) / 32),
                      static_cast<unsigned>(target.shape()[0]));
    cuda::dispatch_size(target.dtype(), [&](auto tag) {
      using Bits = typename decltype(tag)::type;
      transpose_kernel<<<blocks, dim3(32, 8), 0, stream>>>(pointer<Bits>(target), pointer<const Bits>(source), rows,
                                                           columns);
    });
    return cuda::check_launch("copy");
  }
  cuda::for_each_part(
      [&](const Array& to, const Array& from) {
        const Strided<2> places(to.shape(), {to.strides(), from.strides()});
        cuda::dispatch_size(to.dtype(), [&](auto tag) {
          using Bits = typename decltype(tag)::type;
          move_kernel<<<blocks_for(to.size()), kThreads, 0, stream>>>(pointer<Bits>(to), pointer<const Bits>(from),
                                                                      places);
        });
        cuda::check_launch("copy");
      },
      target, source);
}

void copy_cuda(const Array& target, const Array& source) {
  if (target.size() == 0) return;
  const cudaStream_t stream = stream_for(target);
  const bool alike = target.strides() == source.strides() && target.is_dense();
  if (alike && target.dtype() == source.dtype()) {
    return cuda::check(
        cudaMemcpyAsync(target.raw_data(), source.raw_data(), target.bytes(), cudaMemcpyDeviceToDevice, stream),
        "cudaMemcpyAsync");
  }
  if (target.dtype() == source.dtype()) return move(target, source);
  if (alike && is_floating(target.dtype()) && is_floating(source.dtype())) {
    cuda::dispatch_floating(target.dtype(), "copy", [&](auto to) {
      cuda::dispatch_floating(source.dtype(), "copy", [&](auto from) {
        using To = typename decltype(to)::type;
        using From = typename decltype(from)::type;
        convert_dense_kernel<<<blocks_for((target.size() + 3) / 4), kThreads, 0, stream>>>(
            pointer<To>(target), pointer<const From>(source), target.size());
      });
    });
    return cuda::check_launch("copy");
  }
  cuda::for_each_part(
      [&](const Array& to, const Array& from) {
        convert_kernel<<<blocks_for(to.size()), kThreads, 0, stream>>>(
            to.raw_data(), to.dtype(), from.raw_data(), from.dtype(),
            Strided<2>(to.shape(), {to.strides(), from.strides()}));
        cuda::check_launch("copy");
      },
      target, source);
}

template <class Bits>
__global__ void fill_kernel(Bits* to, Bits value, Strided<1> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    to[places.offsets(i).at[0]] = value;
  }
}

void fill_cuda(const Array& target, double value) {
  if (target.size() == 0) return;
  const cudaStream_t stream = stream_for(target);
  if (value == 0 && !std::signbit(value) && target.is_dense()) {
    return cuda::check(cudaMemsetAsync(target.raw_data(), 0, target.bytes(), stream), "cudaMemsetAsync");
  }
  const Array one = empty({}, target.dtype());  // on the host: converted as every copy there is
  one.fill(value);
  cuda::for_each_part(
      [&](const Array& to) {
        cuda::dispatch_size(to.dtype(), [&](auto tag) {
          using Bits = typename decltype(tag)::type;
          fill_kernel<<<blocks_for(to.size()), kThreads, 0, stream>>>(pointer<Bits>(to), *pointer<const Bits>(one),
                                                                      Strided<1>(to.shape(), {to.strides()}));
        });
        cuda::check_launch("fill");
      },
      target);
}

struct Plus {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a + b;
  }
};

template <class T>
__global__ void accumulate_whole_kernel(T* to, const T* from, Strided<2> places) {
  const auto threads = static_cast<std::uint32_t>(gridDim.x) * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < places.count; i += threads) {
    const auto at = places.offsets(i);
    to[at.at[0]] = static_cast<T>(to[at.at[0]] + from[at.at[1]]);
  }
}

template <class T>
void accumulate_whole(const Array& target, const Array& source) {
  cuda::for_each_part(
      [&](const Array& to, const Array& from) {
        accumulate_whole_kernel<<<blocks_for(to.size()), kThreads, 0, stream_for(to)>>>(
            pointer<T>(to), pointer<const T>(from), Strided<2>(to.shape(), {to.strides(), from.strides()}));
        cuda::check_launch("accumulate");
      },
      target, source);
}

void accumulate_cuda(const Array& target, const Array& source) {
  if (target.size() == 0) return;
  switch (target.dtype()) {
    case Dtype::kBool:
      return accumulate_whole<bool>(target, source);
    case Dtype::kUInt8:
      return accumulate_whole<std::uint8_t>(target, source);
    case Dtype::kInt8:
      return accumulate_whole<std::int8_t>(target, source);
    case Dtype::kInt32:
      return accumulate_whole<std::int32_t>(target, source);
    case Dtype::kInt64:
      return accumulate_whole<std::int64_t>(target, source);
    default:
      break;
  }
  cuda::dispatch_floating(target.dtype(), "accumulate", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (target.strides() == source.strides() && target.is_dense()) {
      cuda::launch_dense<2, T>("accumulate", Plus{}, target, target, source);
    } else {
      cuda::launch_strided<T>("accumulate", Plus{}, target, target, source);
    }
  });
}

const Implementation cuda_copy(copy, DeviceKind::kCuda, copy_cuda);
const Implementation cuda_fill(fill, DeviceKind::kCuda, fill_cuda);
const Implementation cuda_accumulate(accumulate, DeviceKind::kCuda, accumulate_cuda);

}  // namespace
}  // namespace rensa::kernels
