#pragma once

#include <dnnl.hpp>

#include "core/array/array.h"

namespace rensa::onednn {

/// The second factor of many products, in the order in which oneDNN reads it fastest: what a product of few rows spends
/// on bringing it into that order is spent once.
class PackedMatrix {
 public:
  /// b (k, n), float32, rows or columns without gaps. `rows`: how many the largest product will have.
  PackedMatrix(const Array& b, std::int64_t rows);

  /// c (m, n) += a b with a (m, k), both contiguous.
  void add_product(std::int64_t m, const float* a, float* c) const;

 private:
  std::int64_t rows_, k_, n_;
  int threads_;  ///< at its making: with the sizes they decide the order
  dnnl::memory::desc desc_;
  Array packed_;
};

}  // namespace rensa::onednn
