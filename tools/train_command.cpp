#include "tools/train_command.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iostream>

#include "comm/compute_threads.h"
#include "comm/distributed_optimizer.h"
#include "comm/job.h"
#include "comm/links/communicator_statistics.h"
#include "comm/links/multi_node_batch_normalization.h"
#include "core/device/gpu/driver.h"
#include "core/device/gpu/notes.h"
#include "core/error.h"
#include "core/serializers/safetensors.h"
#include "tools/options/wrong_usage.h"
#include "tools/train/model_setup.h"
#include "tools/train/picture_problems.h"
#include "tools/train/report_sections.h"
#include "tools/train/train_options.h"
#include "tools/train/training_data.h"
#include "tools/trained_network.h"
#include "trainer/extensions/data_bound_warning.h"
#include "trainer/extensions/dump_graph.h"
#include "trainer/extensions/evaluator.h"
#include "trainer/extensions/fail_on_non_number.h"
#include "trainer/extensions/html_report.h"
#include "trainer/extensions/json_lines.h"
#include "trainer/extensions/learning_rate.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/plot_report.h"
#include "trainer/extensions/print_report.h"
#include "trainer/extensions/progress_bar.h"
#include "trainer/extensions/prometheus_file.h"
#include "trainer/extensions/reestimate_statistics.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/extensions/step_time_report.h"
#include "trainer/extensions/stop_on_signal.h"
#include "trainer/extensions/straggler_report.h"
#include "trainer/extensions/tensorboard_writer.h"
#include "trainer/extensions/trace.h"
#include "trainer/iterators/mixed_iterator.h"
#include "trainer/iterators/multithread_iterator.h"
#include "trainer/iterators/picture_iterator.h"
#include "trainer/iterators/prefetch_iterator.h"
#include "trainer/reproducible_updater.h"
#include "trainer/trainer.h"
#include "trainer/triggers/early_stopping.h"

namespace rensa::tools {
namespace {

constexpr const char* kUsage =
    "usage: rensa train --config FILE [--key value …]\n"
    "       mpirun -n 8 rensa train --config FILE [--key value …]\n\n"
    "Trains a network on the pictures in `data`, on one process or many.";

std::unique_ptr<Iterator> make_iterator(const TrainingData& data, const TrainOptions& o, const Communicator& comm,
                                        Device device, bool train) {
  const std::int64_t batch = train ? o.batchsize : o.val_batchsize;
  auto iterator = rensa::make_iterator(train ? data.train : data.validation,
                                       {.batch_size = batch * comm.size(),
                                        .repeat = train,
                                        .short_tail = train && o.short_tail,
                                        .shuffle = train,
                                        .seed = o.seed,
                                        .rank = comm.rank(),
                                        .size = comm.size()},
                                       {.threads = o.loaderjob});
  if (train && (o.mixup != 0 || o.cutmix != 0)) {
    const MixOptions mix{.mixup_alpha = o.mixup, .cutmix_alpha = o.cutmix, .seed = o.seed};
    iterator = std::make_unique<MixedIterator>(std::move(iterator), mix);
  }
  if (device.kind != DeviceKind::kCpu) iterator = std::make_unique<PrefetchIterator>(std::move(iterator), device);
  if (data.raw) iterator = std::make_unique<PictureIterator>(std::move(iterator), *data.raw);
  return iterator;
}

std::unique_ptr<Optimizer> make_step_optimizer(const TrainOptions& o, std::int64_t samples, Communicator& comm) {
  const double of_step = static_cast<double>(o.batchsize) * o.accumulate * comm.size();
  auto optimizer = make_optimizer(o, static_cast<double>(samples) / of_step);
  if (o.reproducible > 0) return optimizer;
  return std::make_unique<DistributedOptimizer>(std::move(optimizer), comm, reducer_options(o));
}

std::unique_ptr<Updater> make_updater(Iterator& iterator, Classifier& model, Optimizer& optimizer, Communicator& comm,
                                      const TrainOptions& o) {
  if (o.reproducible == 0) {
    auto updater = std::make_unique<StandardUpdater>(iterator, model, optimizer, comm, o.seed);
    updater->accumulate(o.accumulate);
    return updater;
  }
  return std::make_unique<ReproducibleUpdater>(iterator, model, optimizer, comm, o.reproducible, o.seed);
}

/// What the reducer, or the sums of reproducible steps, tell of the last step.
BucketSource bucket_source(const Optimizer& optimizer, const Updater& updater) {
  if (const auto* distributed = dynamic_cast<const DistributedOptimizer*>(&optimizer)) {
    return [distributed] { return distributed->reducer().last_times(); };
  }
  if (const auto* reproducible = dynamic_cast<const ReproducibleUpdater*>(&updater)) {
    return [reproducible] { return reproducible->sums().last_times(); };
  }
  return nullptr;
}

/// Who reduces batch normalization's statistics over all ranks; null: nobody.
std::shared_ptr<const CommunicatorStatistics> shared_statistics(Link& model) {
  for (const Link::NamedLink& named : model.named_links()) {
    const auto* normalization = dynamic_cast<const BatchNormalization*>(named.link);
    if (!normalization) continue;
    if (auto found = std::dynamic_pointer_cast<const CommunicatorStatistics>(normalization->reducer())) return found;
  }
  return nullptr;
}

/// What forward, backward and the update wait for other ranks.
InsideWaitMeter::Source inside_waits(Link& model, const Optimizer& optimizer) {
  return [statistics = shared_statistics(model), distributed = dynamic_cast<const DistributedOptimizer*>(&optimizer)] {
    return InsideWaits{.statistics = statistics ? statistics->waits().seconds() : 0,
                       .gradients = distributed ? distributed->waited_in_reads() : 0,
                       .weights = distributed ? distributed->gathers().seconds() : 0};
  };
}

/// The same, and the waits for buckets, one by one.
WaitSource waits_one_by_one(Link& model, const Optimizer& optimizer) {
  return [statistics = shared_statistics(model),
          distributed = dynamic_cast<const DistributedOptimizer*>(&optimizer)](Wait::Clock::time_point since) {
    std::vector<Wait> waits = distributed ? distributed->waits_since(since) : std::vector<Wait>();
    if (!statistics) return waits;
    for (const Wait& wait : statistics->waits().since(since)) waits.push_back(wait);
    return waits;
  };
}

/// Where the time of a step goes.
void extend_with_timing(Trainer& trainer, Link& model, const BucketSource& buckets, const TrainOptions& o) {
  const InsideWaitMeter::Source waited = inside_waits(model, trainer.optimizer());
  trainer.extend(std::make_unique<StepTimeReport>(buckets, waited));
  if (!o.trace.empty()) {
    trainer.extend(std::make_unique<Trace>(
        TraceOptions{.path = o.trace, .first_step = o.trace_first, .steps = o.trace_steps, .planted_skew_ns = 0},
        buckets, waits_one_by_one(model, trainer.optimizer()),
        [](const std::string& line) { spdlog::warn("{}", line); }));
  }
  if (o.stragglers == "never") return;
  trainer.extend(std::make_unique<StragglerReport>(
      parse_trigger(o.stragglers), buckets, [](const std::string& line) { spdlog::info("{}", line); }, waited));
}

/// The log in the other forms that were asked for.
void extend_with_reports(Trainer& trainer, const Trigger& log_trigger, const TrainOptions& o) {
  const ExtendOptions with_log{.trigger = log_trigger};
  const bool by_epochs = log_trigger.unit == Unit::kEpoch && log_trigger.period >= 1;
  for (const std::string& report : o.reports) {
    if (report == "json_lines") trainer.extend(std::make_unique<JsonLines>(), with_log);
    if (report == "tensorboard") trainer.extend(std::make_unique<TensorboardWriter>(), with_log);
    if (report == "prometheus") trainer.extend(std::make_unique<PrometheusFile>(), with_log);
    if (report != "plot") continue;
    for (const std::string family : {"loss", "accuracy"}) {
      trainer.extend(
          std::make_unique<PlotReport>(std::vector<std::string>{"main/" + family, "validation/main/" + family},
                                       by_epochs ? "epoch" : "iteration", family + ".svg"),
          with_log);
    }
  }
}

/// The file that `resume` means; "": there is nothing to go on from.
std::string resumed_file(const TrainOptions& o, Communicator& comm) {
  if (has_safetensors_name(o.resume)) {
    throw FileError(o.resume,
                    ": is a file of weights, which hold no run to go on with. To start from them: --initmodel ",
                    o.resume, ".");
  }
  const auto warn = [](const std::string& damage) { spdlog::warn("resume: {}", damage); };
  return o.resume == "auto" ? find_snapshot_if_any(o.out, comm, warn) : find_snapshot(o.resume, comm, warn);
}

/// What to raise where training waits for its data.
std::string data_advice(const TrainOptions& o, DataKind kind, int cores) {
  std::string advice;
  if (o.loaderjob < cores) {
    advice = detail::join("Raise loaderjob (it is ", o.loaderjob, "; this rank has ", cores, " cores).");
  } else {
    advice = detail::join("All ", cores, " cores of this rank have a loader thread (loaderjob = ", o.loaderjob, ").");
  }
  if (kind == DataKind::kPhotographs) {
    advice += o.cache_mib == 0
                  ? " Raise cache_mib: files are read again in each epoch; cache_shared keeps them once for each node."
                  : " Raise cache_mib if not all files fit into it.";
    if (!o.cache_decoded) advice += " With much memory, cache_decoded spares the decoder.";
  }
  return advice;
}

void extend(Trainer& trainer, Classifier& model, const TrainingData& data, Device device,
            std::vector<ReportSection> sections, const TrainOptions& o) {
  auto validation = make_iterator(data, o, trainer.comm(), device, /*train=*/false);
  if (o.bn_reestimate > 0) {
    trainer.extend(std::make_unique<ReestimateStatistics>(
        make_iterator(data, o, trainer.comm(), device, /*train=*/true), model,
        [&model](const Batch& batch) { model(batch); }, o.bn_reestimate));
  }
  trainer.extend(std::make_unique<Evaluator>(std::move(validation), model));
  trainer.extend(std::make_unique<LearningRate>(LearningRateOptions{.lr = o.lr,
                                                                    .schedule = o.schedule,
                                                                    .epochs = o.epoch,
                                                                    .milestones = o.milestones,
                                                                    .gamma = o.gamma,
                                                                    .power = o.power,
                                                                    .final_lr = o.final_lr,
                                                                    .warmup_epochs = o.warmup_epochs,
                                                                    .warmup_lr = o.warmup_lr}));
  const Trigger log_trigger = parse_trigger(o.log_interval);
  trainer.extend(std::make_unique<LogReport>(log_trigger));
  trainer.extend(std::make_unique<HtmlReport>("rensa train: " + o.arch, std::move(sections)), {.trigger = log_trigger});
  trainer.extend(
      std::make_unique<PrintReport>(
          std::vector<std::string>{"epoch", "iteration", "main/loss", "main/accuracy", "validation/main/loss",
                                   "validation/main/accuracy", "lr", "images_per_second", "elapsed_time"},
          std::cout),
      {.trigger = log_trigger});
  extend_with_reports(trainer, log_trigger, o);
  if (o.fail_on_non_number) trainer.extend(std::make_unique<FailOnNonNumber>());
  if (o.patience > 0) {
    trainer.stop_when(
        {1, Unit::kEpoch,
         early_stopping({.monitor = o.monitor, .patience = o.patience, .report = [](const std::string& line) {
                           spdlog::info("{}", line);
                         }})});
  }
  if (o.dump_graph) trainer.extend(std::make_unique<DumpGraph>());
  trainer.extend(std::make_unique<DataBoundWarning>(
      DataBoundOptions{.advice = [&o, kind = data.kind,
                                  cores = cores_of_rank(trainer.comm())] { return data_advice(o, kind, cores); }},
      [](const std::string& line) { spdlog::warn("{}", line); }));
  if (o.progress) trainer.extend(std::make_unique<ProgressBar>());
  if (o.snapshot != "never") {
    trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{
        .trigger = parse_trigger(o.snapshot), .keep = o.keep, .in_background = o.snapshot_in_background}));
  }
}

/// Returns the exit status: 0, or kStatusResumeMe after a signal.
int train(const TrainOptions& o, const std::vector<OptionValue>& values, Communicator& comm) {
  const bool speaks = comm.rank() == 0;
  const Device device = prepared_device(o, comm);
  if (device.kind == DeviceKind::kCuda && speaks) {
    gpu::on_note([](const std::string& sentence) { spdlog::info("{}", sentence); });
  }
  // a number that follows from the machine would give other bits on other ranks
  const int threads = set_compute_threads(comm, o.reproducible > 0 ? std::max(1, o.threads) : o.threads);
  PictureProblems problems(comm);
  const TrainingData data = open_training_data(o, problems.report(), &comm);
  seed_parameters(o.seed);
  Classifier model(make_network(o, data.input, static_cast<std::int64_t>(data.class_names.size())),
                   {.softmax = {.label_smoothing = o.label_smoothing}});
  if (!o.initmodel.empty()) {
    const auto warn = [](const std::string& damage) { spdlog::warn("initmodel: {}", damage); };
    for (const std::string& line : load_initial_weights(model, find_snapshot(o.initmodel, comm, warn))) {
      if (speaks) spdlog::warn("initmodel: {}", line);
    }
  }
  model.to(device);
  apply_parameter_options(model, o);
  set_statistics_decay(model, o);
  if (o.mnbn && share_batch_statistics(model, comm) == 0 && speaks) {
    spdlog::warn("mnbn: {} has no batch normalization", o.arch);
  }
  const std::unique_ptr<Optimizer> optimizer = make_step_optimizer(o, data.train->size(), comm);
  set_loss_scale(*optimizer, o);
  optimizer->setup(model);
  if (speaks) {
    spdlog::info("{} ranks on {} nodes ({}), {} compute and {} loader threads each", comm.size(), comm.inter_size(),
                 comm.choice().empty() ? comm.name() : detail::join(comm.name(), ": ", comm.choice()), threads,
                 o.loaderjob);
    spdlog::info("{}: {}, {} classes; {}: {} parameters", o.data, data.description, data.class_names.size(), o.arch,
                 model.count_parameters());
    if (device.kind == DeviceKind::kCuda) spdlog::info("{}", gpu::availability().description);
  }
  const auto iterator = make_iterator(data, o, comm, device, /*train=*/true);
  const std::unique_ptr<Updater> updater = make_updater(*iterator, model, *optimizer, comm, o);
  Trainer trainer(*updater, {o.epoch, Unit::kEpoch}, o.out, comm);
  extend(trainer, model, data, device, report_sections(values, comm, device, threads), o);
  extend_with_timing(trainer, model, bucket_source(*optimizer, *updater), o);
  const auto& signal =
      dynamic_cast<StopOnSignal&>(trainer.extend(std::make_unique<StopOnSignal>(StopOnSignalOptions{.keep = o.keep})));
  if (!o.resume.empty()) {
    const std::string path = resumed_file(o, comm);
    if (!path.empty()) resume(trainer, path);
    if (speaks && !path.empty()) spdlog::info("goes on from {} at iteration {}", path, updater->iteration());
    if (speaks && path.empty()) spdlog::info("{} has no snapshot: the run starts from the beginning", o.out);
  } else if (const std::string earlier = speaks ? newest_snapshot(o.out) : ""; !earlier.empty()) {
    spdlog::warn("{} is an earlier run's{}. To go on from it: --resume auto", earlier,
                 o.keep > 0 ? detail::join(" and goes when ", o.keep, " newer ones are there") : "");
  }
  trainer.run();
  problems.log_totals();
  if (signal.stopped()) {
    if (speaks) {
      spdlog::warn("stopped by a signal; {} is complete: go on with --resume {} (status {})", newest_snapshot(o.out),
                   o.out, kStatusResumeMe);
    }
    return kStatusResumeMe;
  }
  const auto* const distributed = dynamic_cast<const DistributedOptimizer*>(optimizer.get());
  if (speaks && distributed && comm.size() > 1) {
    spdlog::info("each rank sent {} bytes of {} in the last step", distributed->last_sent_bytes(),
                 o.zero > 0 ? "gradients and weights" : "gradients");
  }
  if (speaks) spdlog::info("results are in {}; the curves: {}/report.html", o.out, o.out);
  return 0;
}

}  // namespace

int train_command(int argc, char** argv) {
  TrainOptions options;
  OptionTable table(kUsage);
  add_train_options(table, options);
  try {
    if (!table.parse(argc, argv, std::cout)) return 0;
    parse_trigger(options.log_interval);
    if (options.snapshot != "never") parse_trigger(options.snapshot);
    apply_recipe(options, table);
    check_combinations(options);
    check_training(options);
    if (options.stragglers != "never") parse_trigger(options.stragglers);
  } catch (const Error& error) {
    return wrong_usage("train", error);
  }
  int status = 0;
  const int failed = run_job(communicator_options(options),
                             [&](Communicator& comm) { status = train(options, table.values(), comm); });
  return failed != 0 ? failed : status;
}

}  // namespace rensa::tools
