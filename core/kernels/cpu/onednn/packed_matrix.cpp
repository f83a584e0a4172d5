#include "core/kernels/cpu/onednn/packed_matrix.h"

#include <omp.h>

#include "core/kernels/cpu/onednn/descriptors.h"
#include "core/kernels/cpu/onednn/primitives.h"

namespace rensa::onednn {
namespace {

using dnnl::memory;

memory::desc rows_of(std::int64_t rows, std::int64_t columns) {
  return {{rows, columns}, memory::data_type::f32, memory::dims{columns, 1}};
}

dnnl::matmul::primitive_desc describe(std::int64_t m, std::int64_t k, std::int64_t n, const memory::desc& b) {
  dnnl::primitive_attr attributes = own_scratchpad();
  dnnl::post_ops add;
  add.append_sum(1.0f);
  attributes.set_post_ops(add);
  return describe_product(rows_of(m, k), b, {}, rows_of(m, n), attributes, engine());
}

/// By which oneDNN chooses the order, beside the sizes.
int threads() { return omp_in_parallel() ? 1 : omp_get_max_threads(); }

struct Packing {
  memory::desc from, to, scratchpad;
  dnnl::primitive primitive;
};

const Packing& packing_for(const Array& b, std::int64_t rows) {
  thread_local PrimitiveCache<Packing> cache;
  const std::int64_t k = b.shape()[0], n = b.shape()[1];
  const memory::dims strides = {b.strides()[0], b.strides()[1]};
  return cache.get({rows, k, n, strides[0], strides[1], threads()}, [&] {
    Packing made;
    made.from = {{k, n}, memory::data_type::f32, strides};
    made.to = describe(rows, k, n, {{k, n}, memory::data_type::f32, memory::format_tag::any}).weights_desc();
    const dnnl::reorder::primitive_desc desc(engine(), made.from, engine(), made.to, own_scratchpad());
    made.primitive = dnnl::reorder(desc);
    made.scratchpad = desc.scratchpad_desc();
    return made;
  });
}

struct Prepared {
  memory::desc a, c, scratchpad;
  dnnl::primitive primitive;
};

}  // namespace

PackedMatrix::PackedMatrix(const Array& b, std::int64_t rows)
    : rows_(rows), k_(b.shape()[0]), n_(b.shape()[1]), threads_(threads()) {
  const Packing& packing = packing_for(b, rows);
  desc_ = packing.to;
  packed_ = bytes_for(desc_);
  execute(packing.primitive, {{DNNL_ARG_FROM, as_memory(packing.from, b)}, {DNNL_ARG_TO, as_memory(desc_, packed_)}},
          packing.scratchpad);
}

void PackedMatrix::add_product(std::int64_t m, const float* a, float* c) const {
  if (m == 0) return;
  thread_local PrimitiveCache<Prepared> cache;
  const Prepared& p = cache.get({m, k_, n_, rows_, threads_, threads()}, [&] {
    const auto desc = describe(m, k_, n_, desc_);
    return Prepared{rows_of(m, k_), rows_of(m, n_), desc.scratchpad_desc(), dnnl::matmul(desc)};
  });
  execute(p.primitive,
          {{DNNL_ARG_SRC, memory(p.a, engine(), const_cast<float*>(a))},  // which is only read
           {DNNL_ARG_WEIGHTS, as_memory(desc_, packed_)},
           {DNNL_ARG_DST, memory(p.c, engine(), c)}},
          p.scratchpad);
}

}  // namespace rensa::onednn
