#pragma once
#include <cstdint>
#include <dnnl.hpp>

namespace rensa::floor {

/// The product of (m, k) and (k, n), the second factor in whatever order oneDNN likes best. oneDNN 2 and 3
/// describe it differently: descriptors_v2.cpp and _v3.cpp.
dnnl::matmul::primitive_desc describe_product(std::int64_t m, std::int64_t n, std::int64_t k,
                                              dnnl::memory::data_type element, const dnnl::engine& engine);

}  // namespace rensa::floor
