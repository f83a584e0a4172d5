#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/update.cuh"
#include "core/kernels/optimizer_rules.h"

namespace rensa::kernels {
namespace {

using cuda::across_block;
using cuda::blocks_for;
using cuda::kThreads;
using cuda::pointer;
using cuda::stream_for;
using cuda::SumOp;

struct Sizes {
  std::int64_t all, rows, columns;
};

/// The gradient as it is taken in, and Σ p² of each block.
template <class T>
__global__ void take_in_kernel(const T* p, const T* g, T* gradient, std::int64_t all, cuda::Intake<T> intake,
                               double* sums) {
  const T scale = intake.factor();
  double sum = 0;
  cuda::each_of_sum_block(all, [&](std::int64_t i) {
    const T value = p[i];
    gradient[i] = scale * g[i] + intake.decay * value;
    sum += static_cast<double>(value) * static_cast<double>(value);
  });
  sum = across_block<SumOp>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

template <class T>
__device__ double square(T x) {
  return static_cast<double>(x) * static_cast<double>(x);
}

/// A block has a row of a matrix: moves its mean of squares.
template <class T>
__global__ void row_means_kernel(const T* gradient, T* row, std::int64_t columns, T mix) {
  gradient += blockIdx.x * columns;
  double sum = 0;
  for (std::int64_t c = threadIdx.x; c < columns; c += blockDim.x) sum += square(gradient[c]);
  sum = across_block<SumOp>(sum);
  if (threadIdx.x == 0) row[blockIdx.x] += mix * (static_cast<T>(sum / static_cast<double>(columns)) - row[blockIdx.x]);
}

/// A thread has a column of a matrix.
template <class T>
__global__ void column_means_kernel(const T* gradient, T* column, Sizes n, std::int64_t all_columns, T mix) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < all_columns; i += step) {
    const T* from = gradient + i / n.columns * n.rows * n.columns + i % n.columns;
    double sum = 0;
    for (std::int64_t r = 0; r < n.rows; ++r) sum += square(from[r * n.columns]);
    column[i] += mix * (static_cast<T>(sum / static_cast<double>(n.rows)) - column[i]);
  }
}

/// A block has a matrix: what the product of its means is multiplied by.
template <class T>
__global__ void scales_kernel(const T* row, T* scales, std::int64_t rows, T least) {
  row += blockIdx.x * rows;
  double sum = 0;
  for (std::int64_t r = threadIdx.x; r < rows; r += blockDim.x) sum += static_cast<double>(row[r]);
  sum = across_block<SumOp>(sum);
  const T mean = static_cast<T>(sum / static_cast<double>(rows));
  if (threadIdx.x == 0) scales[blockIdx.x] = T(1) / (mean < least ? least : mean);
}

/// g / √v in the place of the gradient, and the sum of its squares of each block. v is a product of means, or `whole`.
template <class T>
__global__ void directions_kernel(T* gradient, const T* row, const T* column, const T* scales, T* whole, Sizes n, T mix,
                                  T least, double* sums) {
  double sum = 0;
  cuda::each_of_sum_block(n.all, [&](std::int64_t i) {
    const T g = gradient[i];
    T v = 0;
    if (whole) {
      v = whole[i] += mix * (g * g - whole[i]);
    } else {
      const std::int64_t line = i / n.columns, matrix = line / n.rows;
      v = row[line] * column[matrix * n.columns + i % n.columns] * scales[matrix];
    }
    const T direction = g / std::sqrt(v < least ? least : v);
    gradient[i] = direction;
    sum += square(direction);
  });
  sum = across_block<SumOp>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/// From the sums of both passes, what directions are multiplied by. One block.
__global__ void factor_kernel(const double* of_p, const double* of_directions, std::int64_t blocks, std::int64_t all,
                              AdafactorStep step, double* factor) {
  double p = 0, directions = 0;
  for (std::int64_t i = threadIdx.x; i < blocks; i += blockDim.x) {
    p += of_p[i];
    directions += of_directions[i];
  }
  p = across_block<SumOp>(p);
  directions = across_block<SumOp>(directions);
  if (threadIdx.x != 0) return;
  const double root = std::sqrt(static_cast<double>(all)), size = std::sqrt(p) / root,
               length = std::sqrt(directions) / (root * step.d);
  *factor = (size < step.eps2 ? step.eps2 : size) * step.lr / (length < 1 ? 1 : length);
}

template <class T>
__global__ void apply_kernel(T* p, const T* directions, const double* factor, std::int64_t all, T kept) {
  const T size = static_cast<T>(*factor);
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < all; i += step) {
    p[i] = kept * p[i] - size * directions[i];
  }
}

void adafactor_cuda(const Array& p, const Array& g, const Array& row, const Array& column, const Array& whole,
                    const AdafactorStep& step, const GradientIntake& intake) {
  if (p.size() == 0) return;
  const Sizes n{p.size(), row ? p.shape()[p.ndim() - 2] : 1, row ? p.shape().back() : p.size()};
  const std::int64_t matrices = n.all / (n.rows * n.columns), blocks = cuda::sum_blocks(n.all);
  const Array gradient = empty({n.all}, p.dtype(), p.device()), scales = empty({matrices}, p.dtype(), p.device()),
              sums = empty({2 * blocks + 1}, Dtype::kFloat64, p.device());
  auto* const of_p = pointer<double>(sums);
  double *const of_directions = of_p + blocks, *const factor = of_directions + blocks;
  const cudaStream_t stream = stream_for(p);
  const auto grid = static_cast<unsigned>(blocks);
  cuda::dispatch_wide(p.dtype(), "adafactor", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T mix = static_cast<T>(step.mix), least = static_cast<T>(step.eps1 * step.eps1);
    T* const taken = pointer<T>(gradient);
    take_in_kernel<T><<<grid, kThreads, 0, stream>>>(pointer<const T>(p), pointer<const T>(g), taken, n.all,
                                                     cuda::Intake<T>(intake), of_p);
    if (row) {
      row_means_kernel<T>
          <<<static_cast<unsigned>(matrices * n.rows), kThreads, 0, stream>>>(taken, pointer<T>(row), n.columns, mix);
      column_means_kernel<T><<<blocks_for(matrices * n.columns), kThreads, 0, stream>>>(taken, pointer<T>(column), n,
                                                                                        matrices * n.columns, mix);
      scales_kernel<T><<<static_cast<unsigned>(matrices), kThreads, 0, stream>>>(
          pointer<const T>(row), pointer<T>(scales), n.rows, static_cast<T>(step.eps1));
    }
    directions_kernel<T><<<grid, kThreads, 0, stream>>>(
        taken, row ? pointer<const T>(row) : nullptr, row ? pointer<const T>(column) : nullptr,
        pointer<const T>(scales), row ? nullptr : pointer<T>(whole), n, mix, least, of_directions);
    factor_kernel<<<1, kThreads, 0, stream>>>(of_p, of_directions, blocks, n.all, step, factor);
    apply_kernel<T><<<blocks_for(n.all), kThreads, 0, stream>>>(pointer<T>(p), taken, factor, n.all,
                                                                static_cast<T>(1 - step.decay));
  });
  cuda::check_launch("adafactor");
}

const Implementation cuda_adafactor(adafactor_update, DeviceKind::kCuda, adafactor_cuda);

}  // namespace
}  // namespace rensa::kernels
