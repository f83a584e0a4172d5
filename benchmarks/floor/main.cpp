// The floor of a training step: every convolution and matrix product alone, at its best layout and library, plus the
// bytes that all other operations must move, at the copy bandwidth of this very run. docs/performance.md explains it.
//
//   floor MODEL BATCH IMAGE_SIZE THREADS [DTYPE]      one JSON line; floor_ms is the floor, `layers` its parts
// DTYPE is float32 or bfloat16, the latter with the optimizer's weights in float32.
#include <omp.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>

#include "benchmarks/floor/convolution_timing.h"
#include "benchmarks/floor/product_timing.h"
#include "benchmarks/floor/stopwatch.h"

namespace rensa::floor {
namespace {

nlohmann::json part(const Best& b, double flops) {
  return {{"ms", b.ms}, {"how", b.how}, {"gflops", b.ms > 0 ? flops / b.ms * 1e-6 : 0.0}};
}

nlohmann::json parts(const LayerTime& time, double flops) {
  return {{"forward", part(time.forward, flops)},
          {"backward_data", part(time.backward_data, flops)},
          {"backward_weights", part(time.backward_weights, flops)}};
}

nlohmann::json measure(const std::string& model, std::int64_t batch, std::int64_t size, int threads,
                       const std::string& dtype) {
  const bool is_half = dtype == "bfloat16";
  const auto element = is_half ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
  omp_set_num_threads(threads);
  const NetworkShapes network = network_shapes(model, batch, size, is_half ? 2 : 4);
  nlohmann::json layers = nlohmann::json::array();
  double convolutions_ms = 0, products_ms = 0, flops = 0;
  for (const Convolution& c : network.convolutions) {
    const LayerTime time = time_convolution(c, element);
    convolutions_ms += c.count * time.ms();
    flops += c.count * c.flops() * (c.first ? 2 : 3);
    nlohmann::json layer = parts(time, c.flops());
    layer["x"] = {c.batch, c.channels, c.height, c.width};
    layer["W"] = {c.out_channels, c.channels, c.kernel, c.kernel};
    layer["stride"] = c.stride;
    layer["count"] = c.count;
    layers.push_back(std::move(layer));
  }
  for (const Product& p : network.products) {
    const LayerTime time = time_layer(p, element);
    products_ms += time.ms();
    flops += p.flops() * (p.first ? 2 : 3);
    nlohmann::json layer = parts(time, p.flops());
    layer["x"] = {p.rows, p.in};
    layer["W"] = {p.out, p.in};
    layers.push_back(std::move(layer));
  }
  const double bandwidth = copy_bytes_per_ms();
  const double other_ms = network.other_bytes / bandwidth;
  const double floor_ms = convolutions_ms + products_ms + other_ms;
  return {{"model", model},
          {"batch", batch},
          {"image_size", size},
          {"dtype", dtype},
          {"threads", threads},
          {"floor_ms", floor_ms},
          {"images_per_second", static_cast<double>(batch) / floor_ms * 1e3},
          {"convolutions_ms", convolutions_ms},
          {"products_ms", products_ms},
          {"other_ms", other_ms},
          {"other_bytes", network.other_bytes},
          {"parameter_bytes", network.parameter_bytes},
          {"copy_gb_per_second", bandwidth * 1e-6},
          {"gflop", flops * 1e-9},
          {"layers", std::move(layers)}};
}

}  // namespace
}  // namespace rensa::floor

int main(int argc, char** argv) {
  const std::string dtype = argc > 5 ? argv[5] : "float32";
  if (argc < 5 || argc > 6 || (dtype != "float32" && dtype != "bfloat16")) {
    std::cerr << "usage: floor MODEL BATCH IMAGE_SIZE THREADS [float32|bfloat16]     (floor resnet50 16 224 2)\n";
    return 2;
  }
  try {
    std::cout << rensa::floor::measure(argv[1], std::atoll(argv[2]), std::atoll(argv[3]), std::atoi(argv[4]), dtype)
              << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
