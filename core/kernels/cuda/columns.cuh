#pragma once

#include <algorithm>
#include <cstdint>

#include "core/array/array.h"
#include "core/kernels/cuda/launch.h"

namespace rensa::cuda {

/// Two sums for each column of a matrix: `terms(row, column, a, b)` adds what an element gives. Neighbouring threads
/// have neighbouring columns, eight rows of a block and `parts` blocks share the rows. The parts are added in float64
/// (add_parts), in an order that follows from the shape alone.
template <class C, class Terms>
__global__ void column_sums_kernel(Terms terms, std::int64_t rows, std::int64_t columns, C* partial) {
  __shared__ C of_row[2][8][33];
  const std::int64_t column = blockIdx.x * std::int64_t{32} + threadIdx.x;
  C a = 0, b = 0;
  if (column < columns) {
    const std::int64_t step = std::int64_t{8} * gridDim.y;
    for (std::int64_t row = blockIdx.y * std::int64_t{8} + threadIdx.y; row < rows; row += step)
      terms(row, column, a, b);
  }
  of_row[0][threadIdx.y][threadIdx.x] = a;
  of_row[1][threadIdx.y][threadIdx.x] = b;
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
#pragma unroll
  for (int row = 1; row < 8; ++row) {
    a += of_row[0][row][threadIdx.x];
    b += of_row[1][row][threadIdx.x];
  }
  partial[(std::int64_t{blockIdx.y} * 2) * columns + column] = a;
  partial[(std::int64_t{blockIdx.y} * 2 + 1) * columns + column] = b;
}

/// Blocks along the rows: enough to fill a GPU, each with at least 128 rows.
inline unsigned column_parts(std::int64_t rows, std::int64_t columns) {
  const std::int64_t blocks = (columns + 31) / 32;
  return static_cast<unsigned>(std::clamp<std::int64_t>(1024 / blocks, 1, std::max<std::int64_t>(1, rows / 128)));
}

/// Calls finish(column, sum of a, sum of b) with the sums of all parts.
template <class C, class Finish>
__global__ void add_parts_kernel(const C* partial, unsigned parts, std::int64_t columns, Finish finish) {
  const std::int64_t column = blockIdx.x * std::int64_t{8} + threadIdx.y;
  if (column >= columns) return;
  double a = 0, b = 0;
  for (unsigned part = threadIdx.x; part < parts; part += 32) {
    a += static_cast<double>(partial[std::int64_t{part} * 2 * columns + column]);
    b += static_cast<double>(partial[(std::int64_t{part} * 2 + 1) * columns + column]);
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    a += __shfl_xor_sync(0xffffffffu, a, step);
    b += __shfl_xor_sync(0xffffffffu, b, step);
  }
  if (threadIdx.x == 0) finish(column, a, b);
}

/// Both of them. C is the type in which a part is summed.
template <class C, class Terms, class Finish>
void column_sums(const char* name, const Terms& terms, std::int64_t rows, std::int64_t columns, const Array& like,
                 const Finish& finish) {
  const cudaStream_t stream = stream_for(like);
  const unsigned parts = column_parts(rows, columns);
  const Array partial = empty({parts, 2, columns}, kDtypeOf<C>, like.device());
  column_sums_kernel<C><<<dim3(static_cast<unsigned>((columns + 31) / 32), parts), dim3(32, 8), 0, stream>>>(
      terms, rows, columns, pointer<C>(partial));
  check_launch(name);
  add_parts_kernel<<<static_cast<unsigned>((columns + 7) / 8), dim3(32, 8), 0, stream>>>(pointer<const C>(partial),
                                                                                         parts, columns, finish);
  check_launch(name);
}

}  // namespace rensa::cuda
