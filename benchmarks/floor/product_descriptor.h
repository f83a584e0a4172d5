#pragma once
#include <dnnl.hpp>

namespace rensa::floor {

/// c = a b. oneDNN 2 and 3 describe it differently: descriptors_v2.cpp and _v3.cpp.
dnnl::matmul::primitive_desc describe_product(const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                              const dnnl::memory::desc& c, const dnnl::engine& engine);

}  // namespace rensa::floor
