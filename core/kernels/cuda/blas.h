#pragma once

#include <cstdint>

#include "core/array/array.h"

namespace rensa::cuda {

/// Matrices of equal size in one piece of memory; a stride is 1 for one of the two axes, as cuBLAS wants it.
struct Matrices {
  void* data = nullptr;
  Dtype dtype = Dtype::kFloat32;
  std::int64_t batch = 1, rows = 0, columns = 0;
  std::int64_t row_stride = 0, column_stride = 1, batch_stride = 0;

  Matrices transposed() const;
};

/// A matrix (rows, columns), or a batch of them (batch, rows, columns), that lies as cuBLAS wants it: copied if x does
/// not. Keeps the copy alive.
struct Operand {
  explicit Operand(const Array& x);
  Array array;
  Matrices matrices;
};

/// Rows [first, first + count) of each matrix of a batch [batch, batch + batches).
Matrices part(const Matrices& all, std::int64_t batch, std::int64_t batches, std::int64_t first, std::int64_t count);

/// c = alpha a b + beta c (+ bias, a number a column, with beta 0), in the current stream of `device`. c's
/// column_stride is 1. Sums are float32 for the 16-bit types; float32 uses TF32 if gpu::allows_tf32().
void multiply(const Matrices& a, const Matrices& b, const Matrices& c, double alpha, double beta, const Array& bias,
              Device device);

}  // namespace rensa::cuda
