#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/distributed_optimizer.h"
#include "comm/job.h"
#include "core/device/allocator.h"
#include "core/device/gpu/precision.h"
#include "core/device/gpu/stream.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/optimizers/momentum_sgd.h"
#include "tools/bench/made_up_batch.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

struct StepOptions {
  std::string model = "resnet50", communicator = "auto", dtype = "float32", device = "cpu";
  bool tf32 = false;
  int batch = 16, image_size = 224, threads = 0, steps = 10, warmup = 3;
  std::int64_t classes = 0;
  bool json = false;
};

void measure_step(const StepOptions& o, Communicator& comm) {
  const int threads = set_compute_threads(comm, o.threads);
  const MadeUpTask task = made_up_task(o.model, o.batch, o.image_size, o.classes);
  const auto model = made_up_model(o.model, task, dtype_from_name(o.dtype));
  const Device device = o.device == "cuda" ? Device{DeviceKind::kCuda, comm.intra_rank()} : device_from_name(o.device);
  const bool on_gpu = device.kind == DeviceKind::kCuda;
  if (on_gpu) gpu::allow_tf32(o.tf32);
  model->to(device);
  DistributedOptimizer optimizer(MomentumSgd({.lr = 1e-3, .momentum = 0.9}), comm);
  optimizer.setup(*model);
  const bool has_words = !is_floating(task.x.dtype());  // which stay on the host
  const Variable x = has_words ? task.x : task.x.to(dtype_from_name(o.dtype)).to(device);
  reset_peak_rss();
  const std::size_t before = peak_rss_bytes();  // what is held now
  const Samples ms = measure(o.warmup, o.steps, [&] {
                       functions::softmax_cross_entropy((*model)(x), task.t).backward();
                       optimizer.update();
                       if (on_gpu) gpu::main_stream(device).synchronize();
                     }).times(1e3);
  const std::size_t peak = peak_rss_bytes();
  const Array above = full({1}, static_cast<double>(peak > before ? peak - before : 0), Dtype::kFloat64);
  comm.all_reduce(above, Reduce::kMax);
  if (comm.rank() != 0) return;
  const double images_per_second = o.batch * comm.size() / ms.median() * 1e3;
  if (o.json) {
    print_json_line({{"framework", std::string("rensa ") + RENSA_VERSION},
                     {"model", o.model},
                     {"dtype", o.dtype},
                     {"device", o.device},
                     {"tf32", o.tf32},
                     {"peak_device_bytes", on_gpu ? allocator(device).statistics().peak_in_use : 0},
                     {"batch", o.batch},
                     {"image_size", o.image_size},
                     {"ranks", comm.size()},
                     {"threads", threads},
                     {"step_ms", ms.median()},
                     {"step_ms_min", ms.smallest()},
                     {"step_ms_max", ms.largest()},
                     {"images_per_second", images_per_second},
                     {"peak_rss_bytes", static_cast<std::int64_t>(above.item<double>())}});
  } else {
    std::cout << o.model << ": " << ms.median() << " ms a step (" << ms.smallest() << " to " << ms.largest() << "), "
              << images_per_second << " images/s on " << comm.size() << " ranks of " << threads << " threads, "
              << above.item<double>() / (1 << 20) << " MiB above the start\n";
  }
}

}  // namespace

int bench_step(int argc, char** argv) {
  StepOptions o;
  OptionTable table("usage: rensa bench step [--key value …]\n\nForward, backward and momentum SGD on made-up data.");
  table.add("model", o.model, "network", {.choices = made_up_names()});
  table.add("batch", o.batch, "samples on each rank", {.min = 1});
  table.add("image-size", o.image_size, "side of a picture in pixels; not for mlp and gpt", {.min = 1});
  table.add("classes", o.classes, "0: 1000 for the residual networks, otherwise 10", {.min = 0});
  table.add("dtype", o.dtype, "in which the network computes; 16-bit ones with float32 masters",
            {.choices = {"float32", "float64", "bfloat16", "float16"}});
  table.add("device", o.device, "where to compute: cpu, cuda (a GPU for each rank of a node) or cuda:<index>");
  table.add("tf32", o.tf32, "cuda: products of float32 numbers may round their factors to TF32");
  table.add("threads", o.threads, "compute threads of a rank; 0: its share of the cores", {.min = 0});
  table.add("steps", o.steps, "timed steps", {.min = 1});
  table.add("warmup", o.warmup, "steps before them", {.min = 0});
  table.add("communicator", o.communicator, "how ranks exchange gradients", {.choices = communicator_names()});
  table.add("json", o.json, "prints one line of JSON");
  if (!table.parse(argc, argv, std::cout)) return 0;
  return run_job({.name = o.communicator}, [&](Communicator& comm) { measure_step(o, comm); });
}

}  // namespace rensa::tools
