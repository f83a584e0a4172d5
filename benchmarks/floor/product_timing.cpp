#include "benchmarks/floor/product_timing.h"

#include <cblas.h>
#include <dnnl.hpp>
#include <utility>

#include "benchmarks/floor/primitive_timing.h"
#include "benchmarks/floor/product_descriptor.h"
#include "benchmarks/floor/stopwatch.h"

namespace rensa::floor {

namespace {

void offer_float32(std::int64_t m, std::int64_t n, std::int64_t k, Best& best) {
  const Floats a = filled(static_cast<std::size_t>(m * k)), b = filled(static_cast<std::size_t>(k * n)),
               c = filled(static_cast<std::size_t>(m * n));
  const auto form = [](char f) { return f == 'N' ? CblasNoTrans : CblasTrans; };
  const auto narrow = [](std::int64_t x) { return static_cast<int>(x); };
  for (const auto& [of_a, of_b] : {std::pair{'N', 'N'}, std::pair{'N', 'T'}, std::pair{'T', 'N'}}) {
    const char a_form = of_a, b_form = of_b;
    const std::int64_t lda = a_form == 'N' ? k : m, ldb = b_form == 'N' ? n : k;
    const auto openblas = [&] {
      cblas_sgemm(CblasRowMajor, form(a_form), form(b_form), narrow(m), narrow(n), narrow(k), 1.0f, a.get(),
                  narrow(lda), b.get(), narrow(ldb), 0.0f, c.get(), narrow(n));
    };
    const auto onednn = [&] {
      dnnl::sgemm(a_form, b_form, m, n, k, 1.0f, a.get(), lda, b.get(), ldb, 0.0f, c.get(), n);
    };
    best.offer([&] { return median_ms(openblas); }, "openblas");
    best.offer([&] { return median_ms(onednn); }, "onednn");
  }
}

}  // namespace

Best time_product(std::int64_t m, std::int64_t n, std::int64_t k, dnnl::memory::data_type element) {
  Best best;
  if (element == dnnl::memory::data_type::f32) offer_float32(m, n, k, best);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  using tag = dnnl::memory::format_tag;
  const dnnl::matmul::primitive_desc desc =
      describe_product({{m, k}, element, tag::ab}, {{k, n}, element, tag::any}, {{m, n}, element, tag::ab}, engine);
  const Tensors tensors{
      {DNNL_ARG_SRC, desc.src_desc()}, {DNNL_ARG_WEIGHTS, desc.weights_desc()}, {DNNL_ARG_DST, desc.dst_desc()}};
  best.offer([&] { return time_primitive(dnnl::matmul(desc), engine, tensors); }, "onednn, packed");
  return best;
}

LayerTime time_layer(const Product& p, dnnl::memory::data_type element) {
  LayerTime time;
  time.forward = time_product(p.rows, p.out, p.in, element);                      // y = x W^T
  if (!p.first) time.backward_data = time_product(p.rows, p.in, p.out, element);  // gx = gy W
  time.backward_weights = time_product(p.out, p.in, p.rows, element);             // gW = gy^T x
  return time;
}

}  // namespace rensa::floor
