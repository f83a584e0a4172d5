#pragma once

#include <dnnl.hpp>

#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/array/array.h"

namespace rensa::onednn {

const dnnl::engine& engine();

dnnl::memory::data_type data_type(Dtype dtype);

/// Whether this processor has instructions for the dtype, so that oneDNN multiplies in it. float32 always; float16 and
/// bfloat16 are otherwise better widened.
bool computes(Dtype dtype);

dnnl::memory as_memory(const dnnl::memory::desc& desc, const Array& array);
Array bytes_for(const dnnl::memory::desc& desc);

/// Scratch memory comes from Rensa's allocator.
dnnl::primitive_attr own_scratchpad();

void execute(const dnnl::primitive& primitive, std::unordered_map<int, dnnl::memory> arguments,
             const dnnl::memory::desc& scratchpad);

using Key = std::vector<std::int64_t>;

/// Primitives that a thread has made, by their full key. It forgets all of them when it has kMost: a network of
/// changing shapes does not fill the memory.
template <class Prepared>
class PrimitiveCache {
 public:
  template <class Make>
  const Prepared& get(Key key, const Make& make) {
    const auto found = kept_.find(key);
    if (found != kept_.end()) return found->second;
    if (kept_.size() >= kMost) kept_.clear();
    return kept_.emplace(std::move(key), make()).first->second;
  }

 private:
  static constexpr std::size_t kMost = 512;
  std::map<Key, Prepared> kept_;
};

}  // namespace rensa::onednn
