#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/self/self_communicator.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/convolution.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

struct ConvolutionOptions {
  std::int64_t batch = 16, in = 64, out = 64, size = 56, kernel = 3, stride = 1, pad = 1, dilate = 1, groups = 1;
  int threads = 0, repeats = 10;
  bool json = false;
};

}  // namespace

int bench_convolution(int argc, char** argv) {
  ConvolutionOptions o;
  OptionTable table(
      "usage: rensa bench convolution [--key value …]\n\nOne convolution and its two gradients, float32.");
  table.add("batch", o.batch, "pictures", {.min = 1});
  table.add("in", o.in, "channels of x", {.min = 1});
  table.add("out", o.out, "channels of y", {.min = 1});
  table.add("size", o.size, "side of a picture in pixels", {.min = 1});
  table.add("kernel", o.kernel, "side of the kernel", {.min = 1});
  table.add("stride", o.stride, "stride", {.min = 1});
  table.add("pad", o.pad, "zeros on each side", {.min = 0});
  table.add("dilate", o.dilate, "distance of the kernel's points", {.min = 1});
  table.add("groups", o.groups, "groups", {.min = 1});
  table.add("threads", o.threads, "compute threads; 0: all cores", {.min = 0});
  table.add("repeats", o.repeats, "measurements", {.min = 1});
  table.add("json", o.json, "prints a line of JSON each");
  if (!table.parse(argc, argv, std::cout)) return 0;
  SelfCommunicator self;
  set_compute_threads(self, o.threads);
  const kernels::ConvolutionGeometry g{
      .stride = {o.stride, o.stride}, .pad = {o.pad, o.pad}, .dilate = {o.dilate, o.dilate}, .groups = o.groups};
  if (o.in % o.groups != 0) throw ConfigError("groups: ", o.groups, " does not divide ", o.in, " channels.");
  const Array x = random_array({o.batch, o.in, o.size, o.size}, 1, Dtype::kFloat32).channels_last();
  const Array W = random_array({o.out, o.in / o.groups, o.kernel, o.kernel}, 2, Dtype::kFloat32);
  const Array y = functions::convolution_2d(x, W, nullptr, g).array();  // refuses what does not fit
  const double gflop = 2e-9 * static_cast<double>(y.size()) * static_cast<double>(W.size() / o.out);
  const auto report = [&](const char* name, const auto& pass) {
    const Samples ms = measure(/*warmup=*/2, o.repeats, pass).times(1e3);
    const double rate = gflop / ms.median() * 1e3;
    if (o.json) {
      print_json_line({{"pass", name},
                       {"ms", ms.median()},
                       {"min", ms.smallest()},
                       {"max", ms.largest()},
                       {"gflop_per_second", rate}});
    } else {
      std::cout << name << ": " << ms.median() << " ms (" << ms.smallest() << " to " << ms.largest() << "), " << rate
                << " GFLOP/s\n";
    }
  };
  report("forward", [&] { kernels::convolution(x, W, Array(), g); });
  report("backward_data", [&] { kernels::convolution_backward_data(y, W, g, x.shape()); });
  report("backward_weights", [&] { kernels::convolution_backward_weights(x, y, g, W.shape(), Array()); });
  return 0;
}

}  // namespace rensa::tools
