#include "benchmarks/floor/primitive_timing.h"

#include <vector>

#include "benchmarks/floor/stopwatch.h"

namespace rensa::floor {
namespace {

/// Memory for a oneDNN tensor, written once.
struct Tensor {
  Floats data;
  dnnl::memory memory;
  Tensor(const dnnl::memory::desc& d, const dnnl::engine& engine)
      : data(filled(d.get_size() / sizeof(float) + 1)), memory(d, engine, data.get()) {}
};

}  // namespace

double time_primitive(const dnnl::primitive& primitive, const dnnl::engine& engine, const Tensors& tensors) {
  std::unordered_map<int, dnnl::memory> arguments;
  std::vector<Tensor> memory;
  for (const auto& [name, desc] : tensors) {
    memory.emplace_back(desc, engine);
    arguments.emplace(name, memory.back().memory);
  }
  dnnl::stream stream(engine);
  return median_ms([&] {
    primitive.execute(stream, arguments);
    stream.wait();
  });
}

}  // namespace rensa::floor
