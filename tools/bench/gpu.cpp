#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/array/array.h"
#include "core/device/allocator.h"
#include "core/device/gpu/precision.h"
#include "core/device/gpu/stream.h"
#include "core/error.h"
#include "core/kernels/activation.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/batch_normalization.h"
#include "core/kernels/dropout.h"
#include "core/kernels/optimizer.h"
#include "core/kernels/product.h"
#include "core/kernels/reduction.h"
#include "core/kernels/row_normalization.h"
#include "core/kernels/softmax.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

struct GpuOptions {
  std::string device = "cuda";
  int repeats = 20, mib = 256;
  bool json = false;
};

/// Something that the GPU does, with the bytes that it must read and write, or the operations that it must make, at
/// least.
struct Work {
  std::string name;
  std::function<void()> run;
  double bytes = 0, operations = 0;
};

/// Milliseconds on the device, the median.
double milliseconds(const Work& work, Device device, int repeats) {
  gpu::Event start(device, /*timed=*/true), end(device, /*timed=*/true);
  const gpu::Stream stream = gpu::main_stream(device);
  Samples times;
  for (int i = -3; i < repeats; ++i) {
    start.record(stream);
    work.run();
    end.record(stream);
    end.synchronize();
    if (i >= 0) times.values.push_back(end.milliseconds_since(start));
  }
  return times.median();
}

/// Kernels that are limited by memory, on arrays of so many bytes.
std::vector<Work> of_memory(Device device, Dtype dtype, std::int64_t bytes) {
  const auto item = static_cast<std::int64_t>(item_size(dtype));
  const std::int64_t columns = 1024, rows = bytes / item / columns;
  const auto filled = [&](const Shape& shape, Dtype type) { return full(shape, 0.5, type, device); };
  const Array a = filled({rows, columns}, dtype), b = filled({rows, columns}, dtype);
  const Array gamma = filled({columns}, dtype), wide = filled({columns}, Dtype::kFloat64);
  const double size = static_cast<double>(a.bytes());
  const std::string type(name(dtype));
  const kernels::NormalizedBatch batch{.x = a,
                                       .mean = wide,
                                       .inv_std = wide,
                                       .scale = wide,
                                       .shift = wide,
                                       .count = static_cast<double>(rows),
                                       .y = {},
                                       .mask = kernels::ReluMask::kFromInput};
  const auto normalized = kernels::row_normalization(a, gamma, gamma, 1e-5, true);
  return {
      {"copy " + type, [=] { b.copy_from(a); }, 2 * size},
      {"add " + type, [=] { kernels::add(a, b); }, 3 * size},
      {"gelu " + type, [=] { kernels::gelu(a, Array(), 0, {}); }, 2 * size},
      {"bias " + type, [=] { kernels::add(a, gamma); }, 2 * size},
      {"dropout " + type, [=] { kernels::dropout(a, 0.1, {.seed = 1, .step = 0, .first_sample = 0, .uses = 0}); },
       2 * size},
      {"sum of rows " + type, [=] { kernels::sum(a, {1}); }, size},
      {"sum of columns " + type, [=] { kernels::sum(a, {0}); }, size},
      {"softmax " + type, [=] { kernels::softmax(a); }, 2 * size},
      {"layer normalization " + type, [=] { kernels::row_normalization(a, gamma, gamma, 1e-5, true); }, 2 * size},
      {"its gradient " + type,
       [=] { kernels::row_normalization_grad(b, a, gamma, normalized[1], normalized[2], true); }, 3 * size},
      {"batch statistics " + type, [=] { kernels::batch_statistics(a); }, size},
      {"batch normalization " + type, [=] { kernels::scale_and_shift(a, wide, wide, Array(), true); }, 2 * size},
      {"its sums " + type, [=] { kernels::batch_normalization_sums(b, batch); }, 2 * size},
      {"its gradient " + type, [=] { kernels::batch_normalization_grad(b, batch, wide, wide); }, 3 * size},
  };
}

std::vector<Work> of_optimizers(Device device, std::int64_t bytes) {
  const auto made = [&] { return full({bytes / 4}, 0.01, Dtype::kFloat32, device); };
  const Array p = made(), g = made(), m = made(), v = made();
  const double size = static_cast<double>(p.bytes());
  return {{"momentum_sgd float32", [=] { kernels::momentum_sgd_update(p, g, m, 0.1, 0.9, {}); }, 5 * size},
          {"adam float32",
           [=] {
             kernels::adam_update(p, g, m, v, {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .step = 1e-3, .decay = 0},
                                  {});
           },
           7 * size}};
}

std::vector<Work> of_products(Device device) {
  std::vector<Work> all;
  constexpr std::int64_t kSize = 8192;
  for (const Dtype dtype : {Dtype::kBFloat16, Dtype::kFloat16, Dtype::kFloat32}) {
    const Array a = full({kSize, kSize}, 0.01, dtype, device), c = empty({kSize, kSize}, dtype, device);
    const double operations = 2.0 * kSize * kSize * kSize;
    const auto run = [=](bool tf32) {
      gpu::allow_tf32(tf32);
      kernels::product(a, a, c);
      gpu::allow_tf32(false);
    };
    all.push_back({"product 8192 " + std::string(name(dtype)), [=] { run(false); }, 0, operations});
    if (dtype == Dtype::kFloat32) all.push_back({"product 8192 tf32", [=] { run(true); }, 0, operations});
  }
  return all;
}

void report(const Work& work, double ms, double copy_bandwidth, const GpuOptions& o) {
  const double gb_s = work.bytes / ms / 1e6, tflops = work.operations / ms / 1e9;
  if (o.json) {
    print_json_line({{"name", work.name},
                     {"ms", ms},
                     {"gb_s", gb_s},
                     {"share_of_copy", gb_s / copy_bandwidth},
                     {"tflop_s", tflops}});
  } else if (work.operations > 0) {
    std::cout << work.name << ": " << ms << " ms, " << tflops << " TFLOP/s\n";
  } else {
    std::cout << work.name << ": " << ms << " ms, " << gb_s << " GB/s, " << 100 * gb_s / copy_bandwidth
              << " % of a copy's\n";
  }
}

void measure_gpu(const GpuOptions& o) {
  const Device device = device_from_name(o.device);
  if (device.kind != DeviceKind::kCuda) throw ConfigError("device: is ", device, ", expected cuda or cuda:<index>.");
  std::cerr << gpu::driver().description() << ", " << gpu::driver().facts(device.index).name << '\n';
  const std::int64_t bytes = std::int64_t{o.mib} << 20;
  double copy_bandwidth = 0;
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kBFloat16}) {
    for (const Work& work : of_memory(device, dtype, bytes)) {
      const double ms = milliseconds(work, device, o.repeats);
      if (copy_bandwidth == 0) copy_bandwidth = work.bytes / ms / 1e6;
      report(work, ms, copy_bandwidth, o);
    }
  }
  for (const Work& work : of_optimizers(device, bytes))
    report(work, milliseconds(work, device, o.repeats), copy_bandwidth, o);
  allocator(device).trim();
  for (const Work& work : of_products(device)) report(work, milliseconds(work, device, o.repeats), copy_bandwidth, o);
}

}  // namespace

int bench_gpu(int argc, char** argv) {
  GpuOptions o;
  OptionTable table(
      "usage: rensa bench gpu [--key value …]\n\nWhat a GPU's kernels reach of its bandwidth, that of a copy, and what "
      "its\n"
      "products reach.");
  table.add("device", o.device, "cuda or cuda:<index>");
  table.add("mib", o.mib, "size of an array, in MiB", {.min = 1});
  table.add("repeats", o.repeats, "measurements of each", {.min = 1});
  table.add("json", o.json, "prints lines of JSON");
  if (!table.parse(argc, argv, std::cout)) return 0;
  measure_gpu(o);
  return 0;
}

}  // namespace rensa::tools
