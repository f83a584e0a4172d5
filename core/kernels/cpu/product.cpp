#include "core/kernels/product.h"

#include <algorithm>
#include <limits>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/kernels/cpu/gemm.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/onednn/primitives.h"
#include "core/kernels/cpu/onednn/product.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/product.h"
#include "core/kernels/memory.h"

namespace rensa::kernels {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<int>::max();  ///< as BLAS counts

/// A matrix as gemm reads it: rows of `stride` elements, or the transpose of such.
struct Matrix {
  Array array;
  bool transposed = false;
  std::int64_t stride = 0;

  explicit Matrix(const Array& x) : array(x) {
    if (!take_as_it_lies()) {
      array = x.copy();
      take_as_it_lies();
    }
  }
  template <class T>
  cpu::Factor<T> factor() const {
    return {array.data<T>(), stride, transposed};
  }

 private:
  /// One of the strides has to be 1 and the other not below the row's length, and an int. An axis of size 1 has no say.
  bool take_as_it_lies() {
    const std::int64_t rows = array.shape()[0], columns = array.shape()[1];
    const std::int64_t down = array.strides()[0], across = array.strides()[1];
    const std::int64_t at_least_1 = 1;
    if (std::max(down, across) > kMost) return false;
    if ((across == 1 || columns == 1) && (down >= columns || rows == 1)) {
      transposed = false;
      stride = std::max({rows == 1 ? columns : down, columns, at_least_1});
      return true;
    }
    if ((down == 1 || rows == 1) && (across >= rows || columns == 1)) {
      transposed = true;
      stride = std::max({columns == 1 ? rows : across, rows, at_least_1});
      return true;
    }
    return false;
  }
};

void check_fits_blas(const Array& c, std::int64_t k) {
  if (c.shape()[0] > kMost || c.shape()[1] > kMost || k > kMost) {
    throw ShapeError("product: sizes above ", kMost, " are not supported, found ", c.shape(), " over ", k, ".");
  }
}

/// c = a b + beta c, float32 and float64.
void gemm(const Array& a, const Array& b, double beta, const Array& c) {
  const std::int64_t k = a.shape()[1];
  check_fits_blas(c, k);
  if (c.size() == 0) return;
  if (k == 0) {
    if (beta == 0) c.fill(0);
    return;
  }
  const Matrix left(a), right(b);
  dispatch_floating(c.dtype(), "product", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t n = c.shape()[1];
    cpu::gemm(c.shape()[0], n, k, T(1), left.factor<T>(), right.factor<T>(), static_cast<T>(beta), c.data<T>(), n);
  });
}

/// Whether oneDNN makes this product in a 16-bit type: a small one is as quick in float32.
bool by_onednn(const Array& a, std::int64_t n) {
  return is_half(a.dtype()) && onednn::computes(a.dtype()) && a.shape()[0] * a.shape()[1] * n > cpu::kLargeProduct;
}

Array wide(const Array& x) { return x ? x.to(Dtype::kFloat32) : x; }

Array product_cpu(const Array& a, const Array& b, const Array& destination) {
  if (is_half(a.dtype())) {
    Array c = destination ? destination : empty({a.shape()[0], b.shape()[1]}, a.dtype());
    if (by_onednn(a, b.shape()[1])) {
      onednn::product(a, b, Array(), c);
    } else {
      copy(c, product_cpu(wide(a), wide(b), Array()));
    }
    return c;
  }
  Array c = destination ? destination : empty({a.shape()[0], b.shape()[1]}, a.dtype());
  gemm(a, b, 0, c);
  return c;
}

/// Every row of y becomes b.
void repeat_row(const Array& b, const Array& y) {
  dispatch_floating(y.dtype(), "linear", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Array row = b.contiguous();
    const T* from = row.data<T>();
    const std::int64_t columns = y.shape()[1];
    cpu::for_each_block(
        y.shape()[0],
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) std::copy_n(from, columns, y.data<T>() + i * columns);
        },
        /*cost=*/columns * static_cast<std::int64_t>(sizeof(T)));
  });
}

Array linear_cpu(const Array& x, const Array& W, const Array& b) {
  if (is_half(x.dtype()) && !by_onednn(x, W.shape()[0])) {
    return linear_cpu(wide(x), wide(W), wide(b)).to(x.dtype());
  }
  Array y = empty({x.shape()[0], W.shape()[0]}, x.dtype());
  if (is_half(x.dtype())) {
    onednn::product(x, W.transpose(), b, y);
    return y;
  }
  if (b) repeat_row(b, y);
  gemm(x, W.transpose(), b ? 1 : 0, y);
  return y;
}

/// Small products are shared out over the threads, one thread each; large ones are shared inside gemm.
Array batch_product_cpu(const Array& a, const Array& b) {
  const std::int64_t batch = a.shape()[0], m = a.shape()[1], k = a.shape()[2], n = b.shape()[2];
  Array c = empty({batch, m, n}, a.dtype());
  const auto one = [&](std::int64_t i) { gemm(a.select(0, i), b.select(0, i), 0, c.select(0, i)); };
  if (m * n * k > cpu::kLargeProduct) {
    for (std::int64_t i = 0; i < batch; ++i) one(i);
  } else {
    dispatch_floating(a.dtype(), "matmul", [](auto) {});
    cpu::for_each_block(
        batch,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) one(i);
        },
        /*cost=*/m * n * k);
  }
  return c;
}

const Implementation cpu_batch_product(batch_product, DeviceKind::kCpu, cpu::in_float32<batch_product_cpu>);
const Implementation cpu_product(product, DeviceKind::kCpu, product_cpu);
const Implementation cpu_linear(linear, DeviceKind::kCpu, linear_cpu);

}  // namespace
}  // namespace rensa::kernels

namespace rensa::cpu {

void add_product(const Array& a, const Array& b, const Array& c) {
  if (!is_half(c.dtype())) return kernels::gemm(a, b, 1, c);
  if (kernels::by_onednn(a, b.shape()[1])) return onednn::add_product(a, b, c);
  const Array sum = kernels::wide(c);
  kernels::gemm(kernels::wide(a), kernels::wide(b), 1, sum);
  kernels::copy(c, sum);
}

}  // namespace rensa::cpu
