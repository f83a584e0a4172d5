#include "core/kernels/cpu/onednn/product.h"

#include <algorithm>

#include "core/kernels/cpu/onednn/descriptors.h"
#include "core/kernels/cpu/onednn/primitives.h"

namespace rensa::onednn {
namespace {

using dnnl::memory;

struct Prepared {
  dnnl::primitive primitive;
  memory::desc a, b, bias, c, scratchpad;
};

/// A matrix as it lies, if rows or columns have no gaps; otherwise a copy.
struct Matrix {
  Array array;
  memory::dims strides;

  explicit Matrix(const Array& x) : array(x) {
    if (!lies_well()) {
      array = x.copy();
      lies_well();
    }
  }

 private:
  /// The stride along an axis of one element is whatever suits.
  bool lies_well() {
    const std::int64_t rows = array.shape()[0], columns = array.shape()[1];
    const std::int64_t down = array.strides()[0], across = array.strides()[1];
    if ((across == 1 || columns == 1) && (down >= columns || rows == 1)) {
      strides = {rows == 1 ? columns : std::max(down, columns), 1};
      return true;
    }
    if ((down == 1 || rows == 1) && (across >= rows || columns == 1)) {
      strides = {1, columns == 1 ? rows : std::max(across, rows)};
      return true;
    }
    return false;
  }
};

void run(const Array& a, const Array& b, const Array& bias, const Array& c, bool add) {
  thread_local PrimitiveCache<Prepared> cache;
  const Matrix left(a), right(b);
  const std::int64_t m = c.shape()[0], n = c.shape()[1], k = a.shape()[1];
  const Key key = {m,
                   n,
                   k,
                   left.strides[0],
                   left.strides[1],
                   right.strides[0],
                   right.strides[1],
                   static_cast<std::int64_t>(a.dtype()),
                   bias ? 1 : 0,
                   add ? 1 : 0};
  const Prepared& p = cache.get(key, [&] {
    const auto element = data_type(a.dtype());
    Prepared made;
    made.a = {{m, k}, element, left.strides};
    made.b = {{k, n}, element, right.strides};
    made.c = {{m, n}, element, memory::dims{n, 1}};
    if (bias) made.bias = {{1, n}, element, memory::dims{n, 1}};
    dnnl::primitive_attr attributes = own_scratchpad();
    if (add) {
      dnnl::post_ops sum;
      sum.append_sum();
      attributes.set_post_ops(sum);
    }
    const auto desc = describe_product(made.a, made.b, made.bias, made.c, attributes, engine());
    made.primitive = dnnl::matmul(desc);
    made.scratchpad = desc.scratchpad_desc();
    return made;
  });
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, as_memory(p.a, left.array)},
                                               {DNNL_ARG_WEIGHTS, as_memory(p.b, right.array)},
                                               {DNNL_ARG_DST, as_memory(p.c, c)}};
  const Array row = bias ? bias.contiguous() : Array();
  if (row) arguments.emplace(DNNL_ARG_BIAS, as_memory(p.bias, row));
  execute(p.primitive, std::move(arguments), p.scratchpad);
}

}  // namespace

void product(const Array& a, const Array& b, const Array& bias, const Array& c) { run(a, b, bias, c, /*add=*/false); }
void add_product(const Array& a, const Array& b, const Array& c) { run(a, b, Array(), c, /*add=*/true); }

}  // namespace rensa::onednn
