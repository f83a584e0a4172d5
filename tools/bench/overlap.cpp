#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/distributed_optimizer.h"
#include "comm/gradients/compression/gradient_compression.h"
#include "comm/job.h"
#include "core/error.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/optimizers/make_optimizer.h"
#include "tools/bench/made_up_batch.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

using Clock = BucketTimes::Clock;

struct OverlapOptions {
  std::string model = "mlp", communicator = "auto", optimizer = "momentum_sgd", dtype = "own", compression = "none";
  int batch = 1024, image_size = 64, threads = 1, steps = 15, zero = 0;
  bool double_buffering = false, carry_over = false;
  double bucket_mib = 25, first_bucket_mib = 1;
  bool json = false;
};

double ms_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double, std::milli>(b - a).count();
}

std::vector<double> medians(const std::vector<Samples>& of_each) {
  std::vector<double> result;
  for (const Samples& samples : of_each) result.push_back(samples.median());
  return result;
}

/// Medians over the steps, in milliseconds; of the buckets, in the order in which they leave.
struct Measurement {
  double compute = 0, update = 0, step = 0;
  std::size_t sent_bytes = 0, state_bytes = 0;
  std::vector<double> ready, left, arrived;
  std::vector<std::size_t> bytes;
};

/// Of each number the largest on any rank: a bucket's all-reduce begins when the last rank has it ready.
void take_slowest(std::vector<double>& ms, Communicator& comm) {
  const Array all = empty({static_cast<std::int64_t>(ms.size())}, Dtype::kFloat64);
  std::copy(ms.begin(), ms.end(), all.data<double>());
  comm.all_reduce(all, Reduce::kMax);
  ms = to_vector<double>(all);
}

/// Trains on all ranks at once. With communication, times are this rank's; without, where nothing makes ranks wait for
/// each other, those of each step's slowest rank. Every step starts together, unless a step's gradients travel during
/// the next one: then steps follow each other at once, and a step lasts from the end of one update() to that of the
/// next.
Measurement train(const OverlapOptions& o, const MadeUpTask& task, Communicator& comm, const ReducerOptions& reducer) {
  const auto model = made_up_model(o.model, task);
  DistributedOptimizer optimizer(make_optimizer(o.optimizer, {.lr = 1e-3}), comm, reducer);
  optimizer.setup(*model);
  const Variable x = task.x;
  Samples compute, update, step;
  std::vector<Samples> ready, left, arrived;
  Measurement result;
  const bool in_a_row = reducer.double_buffering || reducer.carry_over;
  Clock::time_point last_start, last_end;
  for (int i = -7; i < o.steps; ++i) {
    if (!in_a_row) comm.barrier();
    const Clock::time_point start = Clock::now();
    functions::softmax_cross_entropy((*model)(x), task.t).backward();
    const Clock::time_point computed = Clock::now();
    optimizer.update();
    const Clock::time_point end = Clock::now(), before = in_a_row ? last_end : start;
    const Clock::time_point of_buckets =
        in_a_row ? last_start : start;  // those that have arrived are of the step before
    last_start = start;
    last_end = end;
    if (i < 0) continue;
    const auto times = optimizer.reducer().last_times();
    std::vector<double> own = {ms_between(start, computed), ms_between(computed, end)};
    for (const BucketTimes& bucket : times) own.push_back(ms_between(of_buckets, bucket.ready));
    if (!reducer.communicate) take_slowest(own, comm);
    compute.values.push_back(own[0]);
    update.values.push_back(own[1]);
    step.values.push_back(ms_between(before, end));
    for (auto* moments : {&ready, &left, &arrived}) moments->resize(times.size());
    result.bytes.resize(times.size());
    for (std::size_t k = 0; k < times.size(); ++k) {
      ready[k].values.push_back(own[2 + k]);
      left[k].values.push_back(ms_between(of_buckets, times[k].started));
      arrived[k].values.push_back(ms_between(of_buckets, times[k].finished));
      result.bytes[k] = times[k].bytes;
    }
  }
  result.sent_bytes = optimizer.last_sent_bytes();
  result.state_bytes = optimizer.state_bytes();
  optimizer.settle();
  result.compute = compute.median();
  result.update = update.median();
  result.step = step.median();
  result.ready = medians(ready);
  result.left = medians(left);
  result.arrived = medians(arrived);
  return result;
}

/// The all-reduce of one bucket alone, as it travels.
double all_reduce_ms(std::size_t bytes, Communicator& comm, int repeats) {
  const Dtype dtype = comm.config().allreduce_grad_dtype().value_or(Dtype::kFloat32);
  const Array data = zeros({static_cast<std::int64_t>(bytes / sizeof(float))}, dtype);
  Samples ms;
  for (int i = -1; i < repeats; ++i) {
    comm.barrier();
    const double seconds = seconds_of([&] { comm.all_reduce(data); });
    if (i >= 0) ms.values.push_back(seconds * 1e3);
  }
  return ms.median();
}

void measure(const OverlapOptions& o, Communicator& comm) {
  set_compute_threads(comm, o.threads);
  if (comm.size() < 2) throw ValueError("bench overlap: needs at least two ranks. Start it with mpirun -n 2.");
  const MadeUpTask task = made_up_task(o.model, o.batch, o.image_size);
  ReducerOptions reducer{.first_bucket_bytes = static_cast<std::size_t>(o.first_bucket_mib * (1 << 20)),
                         .bucket_bytes = static_cast<std::size_t>(o.bucket_mib * (1 << 20))};
  reducer.communicate = false;
  const Measurement quiet = train(o, task, comm, reducer);
  std::vector<double> alone;
  for (const std::size_t bytes : quiet.bytes) alone.push_back(all_reduce_ms(bytes, comm, 7));
  reducer.communicate = true;
  reducer.overlap = false;
  const Measurement in_turn = train(o, task, comm, reducer);
  reducer.overlap = true;
  reducer.double_buffering = o.double_buffering;
  reducer.carry_over = o.carry_over;
  reducer.zero = o.zero;
  reducer.compression = make_compression(o.compression);
  const Measurement overlapped = train(o, task, comm, reducer);

  // f_k = max(f_(k-1), r_k) + c_k: a bucket leaves when it is ready and the one before has arrived.
  double arrived = 0, sum = 0;
  for (std::size_t k = 0; k < alone.size(); ++k) {
    arrived = std::max(arrived, quiet.ready[k]) + alone[k];
    sum += alone[k];
  }
  const double bound = std::max(quiet.compute, arrived) + quiet.update;
  if (comm.rank() != 0) return;
  const nlohmann::json result = {{"model", o.model},
                                 {"batch", o.batch},
                                 {"ranks", comm.size()},
                                 {"nodes", comm.inter_size()},
                                 {"bucket_bytes", quiet.bytes},
                                 {"ready_ms", quiet.ready},
                                 {"all_reduce_ms", alone},
                                 {"all_reduce_sum_ms", sum},
                                 {"compute_ms", quiet.compute},
                                 {"update_ms", quiet.update},
                                 {"bound_ms", bound},
                                 {"step_ms", overlapped.step},
                                 {"step_over_bound", overlapped.step / bound},
                                 {"overlapped_compute_ms", overlapped.compute},
                                 {"overlapped_ready_ms", overlapped.ready},
                                 {"left_ms", overlapped.left},
                                 {"arrived_ms", overlapped.arrived},
                                 {"sent_bytes", overlapped.sent_bytes},
                                 {"state_bytes", overlapped.state_bytes},
                                 {"step_without_overlap_ms", in_turn.step}};
  if (o.json) {
    std::cout << result << '\n';
    return;
  }
  for (const auto& [key, value] : result.items()) std::cout << key << ": " << value << '\n';
}

}  // namespace

int bench_overlap(int argc, char** argv) {
  OverlapOptions o;
  OptionTable table(
      "usage: mpirun -n 2 rensa bench overlap [--key value …]\n\n"
      "A data-parallel step against the best schedule: bucket k is ready at r_k without\n"
      "communication, on the slowest rank of each step, its all-reduce alone takes c_k,\n"
      "f_k = max(f_(k-1), r_k) + c_k, and the bound is max(compute, f_last) + update.\n"
      "It is that of plain all-reduces, whatever step_ms is asked to do beside.");
  table.add("model", o.model, "network", {.choices = made_up_names()});
  table.add("batch", o.batch, "samples on each rank", {.min = 1});
  table.add("image-size", o.image_size, "side of a picture in pixels; not for mlp and gpt", {.min = 1});
  table.add("threads", o.threads, "compute threads of a rank; 0: its share of the cores", {.min = 0});
  table.add("steps", o.steps, "timed steps", {.min = 1});
  table.add("bucket_mib", o.bucket_mib, "largest size of the buckets", {.min = 0, .above_min = true});
  table.add("first_bucket_mib", o.first_bucket_mib, "size of the first bucket", {.min = 0, .above_min = true});
  table.add("communicator", o.communicator, "how ranks exchange gradients", {.choices = communicator_names()});
  table.add("optimizer", o.optimizer, "update rule", {.choices = optimizer_names()});
  table.add("allreduce_grad_dtype", o.dtype, "type in which gradients travel; own: as they are",
            {.choices = {"own", "float16", "bfloat16", "float32", "float64"}});
  table.add("compression", o.compression, "of step_ms' gradients: none, power_sgd:RANK, top_k:SHARE, one_bit");
  table.add("double_buffering", o.double_buffering, "step_ms with the gradients of the step before");
  table.add("carry_over", o.carry_over, "step_ms with gradients that go on travelling into the next step");
  table.add("zero", o.zero, "step_ms with 1: state, 2: state and gradients shared out among the ranks",
            {.min = 0, .max = 2});
  table.add("json", o.json, "prints one line of JSON");
  if (!table.parse(argc, argv, std::cout)) return 0;
  try {
    check_options({.double_buffering = o.double_buffering,
                   .carry_over = o.carry_over,
                   .zero = o.zero,
                   .compression = make_compression(o.compression)});
  } catch (const ValueError& error) {
    throw ConfigError(error.what());
  }
  return run_job({.name = o.communicator, .allreduce_grad_dtype = o.dtype == "own" ? "" : o.dtype},
                 [&](Communicator& comm) { measure(o, comm); });
}

}  // namespace rensa::tools
