#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/distributed_optimizer.h"
#include "comm/job.h"
#include "comm/reproducible/shard_sums.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/models/model.h"
#include "core/optimizers/momentum_sgd.h"
#include "tools/bench/made_up_batch.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

struct ReproducibleOptions {
  std::string model = "resnet18", communicator = "auto";
  int batch = 8, shards = 8, image_size = 64, threads = 1, steps = 10, warmup = 2;
  bool json = false;
};

/// A network, its optimizer and one shard's samples.
struct Learner {
  MadeUpTask task;
  std::unique_ptr<UnaryLink> model;

  Learner(const ReproducibleOptions& o, std::int64_t batch)
      : task(made_up_task(o.model, batch, o.image_size)),
        model(models::make_model(o.model, {.input = task.sample, .classes = task.classes})) {}
  void backward(double share) const {
    functions::softmax_cross_entropy((*model)(Variable(task.x)), task.t).backward({.loss_scale = share});
  }
};

MomentumSgd make_momentum() { return MomentumSgd({.lr = 1e-3, .momentum = 0.9}); }

void measure_reproducible(const ReproducibleOptions& o, Communicator& comm) {
  const int threads = set_compute_threads(comm, o.threads);
  const ShardRange range = shard_range(o.shards, comm);
  const double share = 1.0 / o.shards;

  const Learner shard_by_shard(o, o.batch);
  MomentumSgd plain = make_momentum();
  plain.setup(*shard_by_shard.model);
  ShardSums sums(*shard_by_shard.model, plain, comm, o.shards);
  const auto reproducible = [&] {
    sums.begin_step();
    for (int shard = 0; shard < range.count; ++shard) {
      sums.begin_shard();
      shard_by_shard.backward(share);
      sums.end_shard(share);
    }
    sums.finish_step();
    plain.update();
  };

  const Learner accumulating(o, o.batch);
  DistributedOptimizer later(make_momentum(), comm, {.overlap = false});
  later.setup(*accumulating.model);
  const auto accumulated = [&] {
    for (int shard = 0; shard < range.count; ++shard) accumulating.backward(share * comm.size());
    later.update();
  };

  const Learner at_once(o, static_cast<std::int64_t>(o.batch) * range.count);
  DistributedOptimizer usual(make_momentum(), comm);
  usual.setup(*at_once.model);
  const auto ordinary = [&] {
    at_once.backward(1);
    usual.update();
  };

  // in turns, so that a change of the machine's speed meets all three
  Samples reproducible_s, accumulated_s, ordinary_s;
  for (int step = -o.warmup; step < o.steps; ++step) {
    const double a = seconds_of(reproducible), b = seconds_of(accumulated), c = seconds_of(ordinary);
    if (step < 0) continue;
    reproducible_s.values.push_back(a);
    accumulated_s.values.push_back(b);
    ordinary_s.values.push_back(c);
  }
  if (comm.rank() != 0) return;
  const double ms = reproducible_s.median() * 1e3, of_accumulated = accumulated_s.median() * 1e3,
               of_ordinary = ordinary_s.median() * 1e3;
  if (o.json) {
    print_json_line({{"model", o.model},
                     {"shards", o.shards},
                     {"shard_batch", o.batch},
                     {"ranks", comm.size()},
                     {"threads", threads},
                     {"reproducible_ms", ms},
                     {"accumulated_ms", of_accumulated},
                     {"ordinary_ms", of_ordinary},
                     {"ratio", ms / of_accumulated}});
    return;
  }
  std::cout << o.model << ", " << o.shards << " shards of " << o.batch << " samples on " << comm.size() << " ranks of "
            << threads << " threads: " << ms << " ms a step; " << of_accumulated
            << " ms with as many backward passes added up (" << ms / of_accumulated << " times); " << of_ordinary
            << " ms with all samples of a rank in one pass (" << ms / of_ordinary << " times)\n";
}

}  // namespace

int bench_reproducible(int argc, char** argv) {
  ReproducibleOptions o;
  OptionTable table(
      "usage: rensa bench reproducible [--key value …]\n\n"
      "What the same bits on any number of ranks cost, on made-up data: a step shard by\n"
      "shard, the same passes without a fixed order of sums, and the ordinary step.");
  table.add("model", o.model, "network", {.choices = models::model_names()});
  table.add("batch", o.batch, "samples of a shard", {.min = 1});
  table.add("shards", o.shards, "of a step", {.min = 1});
  table.add("image-size", o.image_size, "side of a picture in pixels; not for mlp", {.min = 1});
  table.add("threads", o.threads, "compute threads of a rank; 0: its share of the cores", {.min = 0});
  table.add("steps", o.steps, "timed steps of each kind", {.min = 1});
  table.add("warmup", o.warmup, "steps before them", {.min = 0});
  table.add("communicator", o.communicator, "how ranks exchange gradients", {.choices = communicator_names()});
  table.add("json", o.json, "prints one line of JSON");
  if (!table.parse(argc, argv, std::cout)) return 0;
  return run_job({.name = o.communicator}, [&](Communicator& comm) { measure_reproducible(o, comm); });
}

}  // namespace rensa::tools
