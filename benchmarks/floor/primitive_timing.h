#pragma once
#include <dnnl.hpp>
#include <unordered_map>

namespace rensa::floor {

/// Median ms of a primitive of oneDNN on tensors of these descriptions, made for it.
double time_primitive(const dnnl::primitive& primitive, const dnnl::engine& engine,
                      const std::unordered_map<int, dnnl::memory::desc>& tensors);

}  // namespace rensa::floor
