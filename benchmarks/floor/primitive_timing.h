#pragma once
#include <dnnl.hpp>
#include <unordered_map>

namespace rensa::floor {

/// What a primitive of oneDNN reads and writes, by oneDNN's names of arguments.
using Tensors = std::unordered_map<int, dnnl::memory::desc>;

/// Median ms of a primitive on tensors of these descriptions, made for it.
double time_primitive(const dnnl::primitive& primitive, const dnnl::engine& engine, const Tensors& tensors);

}  // namespace rensa::floor
