#include "tools/train/train_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "comm/communicators/create_communicator.h"
#include "comm/gradients/compression/gradient_compression.h"
#include "core/device/device.h"
#include "core/error.h"
#include "core/models/model.h"
#include "core/optimizers/make_optimizer.h"

namespace rensa::tools {
namespace {

double factor(const std::string& text, const std::string& group) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) || !std::isfinite(value)) {
    throw ConfigError("param_groups: \"", group, "\" should be PATTERN:LR:DECAY with two finite numbers of 0 or more.");
  }
  return value;
}

}  // namespace

void add_train_options(OptionTable& t, TrainOptions& o) {
  t.heading("Data");
  t.add("data", o.data,
        "folder of the data: MNIST's IDX files, CIFAR-10's .bin files, or pictures: train/<class>, train.txt or "
        "train-*.tar, and val the same");
  t.add("batchsize", o.batchsize, "samples of a step on each rank", {.min = 1});
  t.add("val_batchsize", o.val_batchsize, "samples of an evaluation step on each rank", {.min = 1});
  t.add("loaderjob", o.loaderjob, "threads that load and augment, on each rank; 0: the training thread itself",
        {.min = 0, .max = 1024});
  t.add("size", o.size, "side of a sample of an image folder, in pixels", {.min = 8, .max = 4096});
  t.add("resize", o.resize, "shorter side before the centre crop of validation, in pixels", {.min = 8, .max = 4096});
  t.add("min_scale", o.min_scale, "smallest share of a photograph that a training crop shows",
        {.min = 0, .max = 1, .above_min = true});
  t.add("augment", o.augment, "random crops and flips of the training pictures");
  t.add("augment_on", o.augment_on,
        "where crops and flips of small pictures, colour_jitter and normalization are made; device: pictures travel in "
        "8 bits",
        {.choices = {"host", "device"}});
  t.add("rand_augment", o.rand_augment, "RandAugment's operations on each training picture; 0: none",
        {.min = 0, .max = 14});
  t.add("rand_augment_magnitude", o.rand_augment_magnitude, "their strength", {.min = 0, .max = 30});
  t.add("colour_jitter", o.colour_jitter,
        "up to four numbers: brightness, contrast, saturation, hue, as torchvision's ColorJitter");
  t.add("mixup", o.mixup, "alpha of the shares with which pairs of training pictures are blended; 0: not", {.min = 0});
  t.add("cutmix", o.cutmix, "alpha of the shares of the areas that pairs of training pictures exchange; 0: not",
        {.min = 0});
  t.add("short_tail", o.short_tail,
        "an epoch ends with a short batch of what is left; false: batches run on into the next epoch");
  t.add("cache_mib", o.cache_mib, "photographs' files that a rank keeps in memory, in MiB, of each set; 0: none",
        {.min = 0});
  t.add("cache_shared", o.cache_shared,
        "cache_mib is for all ranks of a node together, and what one has read serves all");
  t.add("cache_decoded", o.cache_decoded, "the cache keeps pixels instead of files: later epochs decode nothing");
  t.add("max_bad_images", o.max_bad_images, "files that may be unreadable before the run is given up", {.min = 0});

  t.heading("Network");
  t.add("arch", o.arch, "network", {.choices = models::model_names()});
  t.add("units", o.units, "units of the hidden layers of mlp", {.min = 1});
  t.add("width", o.width, "channels of the first stage of a convolutional network", {.min = 1});
  t.add("dtype", o.dtype,
        "in which the network computes; bfloat16 and mixed16 (float16) keep float32 masters of the weights",
        {.choices = {"float32", "float64", "bfloat16", "mixed16"}});
  t.add("loss_scale", o.loss_scale,
        "what the loss is multiplied by before backward; 0: found by itself for mixed16, 1 for others", {.min = 0});
  t.add("mnbn", o.mnbn, "batch normalization over the batches of all ranks together");
  t.add("dropout", o.dropout,
        "residual networks: share of the features before the last layer that training drops; transformers: of what "
        "blocks add",
        {.min = 0, .max = 0.999});
  t.add("bn_eps", o.bn_eps, "eps of batch normalization; weights that PyTorch trained expect 1e-5",
        {.min = 0, .above_min = true});
  t.add("initmodel", o.initmodel,
        "snapshot, folder with snapshots, .npz, .safetensors or .h5 to start the weights from; what does not fit is "
        "listed and left");
  t.add("freeze", o.freeze, "patterns of parameters that are not trained, such as predictor/conv1/*");
  t.add("param_groups", o.param_groups, "PATTERN:LR:DECAY, factors for the parameters that match");

  t.heading("Optimization");
  t.add("optimizer", o.optimizer, "update rule", {.choices = optimizer_names()});
  t.add("epoch", o.epoch, "epochs to train; may be a fraction", {.min = 0, .above_min = true, .finite = false});
  t.add("lr", o.lr, "learning rate after warm-up, for the batch of all ranks together", {.min = 0, .above_min = true});
  t.add("momentum", o.momentum,
        "of momentum_sgd, corrected_momentum_sgd, nesterov_ag, lars, corrected_lars and rmsprop_warmup",
        {.min = 0, .max = 1});
  t.add("weight_decay", o.weight_decay,
        "L2 (adamw, lamb, lars, corrected_lars, lion: decay by the optimizer's own rule)", {.min = 0});
  t.add("trust", o.trust, "lars and corrected_lars: step of a layer relative to its weights",
        {.min = 0, .above_min = true});
  t.add("rmsprop_lr", o.rmsprop_lr, "rmsprop_warmup: the rate of its RMSprop part", {.min = 0});
  t.add("rmsprop_centre", o.rmsprop_centre,
        "rmsprop_warmup: epoch at which it is half RMSprop and half SGD; 0: SGD alone", {.min = 0});
  t.add("rmsprop_period", o.rmsprop_period,
        "rmsprop_warmup: epochs over which it changes; 0: at once at rmsprop_centre", {.min = 0});
  t.add("bn_decay", o.bn_decay, "of batch normalization's running statistics; 0: those of the last batch",
        {.min = 0, .max = 1});
  t.add("bn_reestimate", o.bn_reestimate,
        "training batches of each rank that give the statistics anew before each validation; 0: not", {.min = 0});
  t.add("zero_last_gamma", o.zero_last_gamma, "residual networks: blocks begin as their shortcuts");
  t.add("recipe", o.recipe, "akiba: rmsprop_warmup, slow_start and bn_decay = 0 of the 15-minute ImageNet paper",
        {.choices = {"none", "akiba"}});
  t.add("decay_bias_and_norm", o.decay_bias_and_norm, "false: no decay of biases, gamma and beta");
  t.add("clip_norm", o.clip_norm, "largest norm of all gradients together; 0: no limit", {.min = 0, .finite = false});
  t.add("label_smoothing", o.label_smoothing, "share of a target spread over all classes", {.min = 0, .max = 0.999});
  t.add("schedule", o.schedule, "of the learning rate",
        {.choices = {"constant", "step", "cosine", "polynomial", "slow_start"}});
  t.add("power", o.power, "polynomial: of what is left of the run", {.min = 0, .above_min = true});
  t.add("milestones", o.milestones, "step: epochs at which the rate is multiplied by gamma",
        {.min = 0, .above_min = true});
  t.add("gamma", o.gamma, "step: the factor", {.min = 0});
  t.add("final_lr", o.final_lr, "cosine and polynomial: the rate at the end", {.min = 0});
  t.add("warmup_epochs", o.warmup_epochs, "epochs in which the rate rises to lr", {.min = 0});
  t.add("warmup_lr", o.warmup_lr, "rate at the start of the warm-up", {.min = 0});

  t.heading("The run");
  t.add("out", o.out, "folder of the log, snapshots and report.html");
  t.add("resume", o.resume,
        "snapshot to go on from, or a folder with snapshots (the newest that is whole); auto: `out`, if it has any");
  t.add("snapshot", o.snapshot, "interval of snapshots, and one after the last step; \"never\": none but a signal's");
  t.add("keep", o.keep, "newest snapshots to keep; 0: all", {.min = 0});
  t.add("snapshot_in_background", o.snapshot_in_background, "a thread writes snapshots while training goes on");
  t.add("reports", o.reports, "other forms of the log: json_lines, tensorboard, prometheus, plot");
  t.add("patience", o.patience, "checks, one an epoch, without a better `monitor` that end the run; 0: never",
        {.min = 0});
  t.add("monitor", o.monitor, "patience: the observed value; an accuracy should grow, a loss should not",
        {.choices = {"validation/main/accuracy", "validation/main/loss", "main/accuracy", "main/loss"}});
  t.add("fail_on_non_number", o.fail_on_non_number, "a weight that is not finite at the end of an epoch ends the run");
  t.add("log_interval", o.log_interval, "interval of the log's entries");
  t.heading("Ranks and devices");
  t.add("communicator", o.communicator, "how ranks exchange gradients", {.choices = communicator_names()});
  t.add("deterministic", o.deterministic,
        "communicator auto takes a fixed rule instead of measuring: one order of sums on every cluster like this");
  t.add("comm_timeout", o.comm_timeout, "seconds that a rank may be late for a call before the run is given up",
        {.min = 0, .above_min = true, .finite = false});
  t.add("heartbeat_timeout", o.heartbeat_timeout, "seconds of silence after which a rank is lost; 0: no watchdog",
        {.min = 0, .finite = false});
  t.add("device", o.device, "where to compute: cpu, cuda (each rank of a node has a GPU of its own) or cuda:<index>");
  t.add("tf32", o.tf32, "cuda: products of float32 numbers may round their factors to 10 bits of mantissa, for speed");
  t.add("threads", o.threads, "compute threads of a rank; 0: its share of the cores", {.min = 0, .max = 4096});
  t.add("reproducible", o.reproducible,
        "shards of a step: the same weights bit for bit on 1, 2, 4 … ranks that divide it (8: up to 8 ranks); 0: off",
        {.min = 0, .max = 4096});
  t.add("seed", o.seed, "of weights, order, augmentation and dropout");
  t.heading("How gradients travel");
  t.add("bucket_mib", o.bucket_mib,
        "largest size of the pieces in which gradients travel; those at the end are smaller",
        {.min = 0, .above_min = true});
  t.add("first_bucket_mib", o.first_bucket_mib, "size of the first piece", {.min = 0, .above_min = true});
  t.add("overlap", o.overlap, "gradients travel while others are still computed");
  t.add("allreduce_grad_dtype", o.allreduce_grad_dtype, "type in which gradients travel; own: as they are",
        {.choices = {"own", "float16", "bfloat16", "float32", "float64"}});
  t.add("compression", o.compression, "of the gradients: none, power_sgd:RANK, top_k:SHARE, one_bit");
  t.add("double_buffering", o.double_buffering,
        "updates use the gradients of the step before, which travelled meanwhile");
  t.add("carry_over", o.carry_over, "gradients go on travelling while the next step reads the first weights");
  t.add("zero", o.zero, "1: each rank keeps its share of the optimizer's state; 2: of the mean gradients, too",
        {.min = 0, .max = 2});
  t.add("zero_fill", o.zero_fill,
        "parameters that no rank used count as having gradients of zeros; false: are left alone");
  t.add("accumulate", o.accumulate, "batches of a rank that make one step", {.min = 1});
  t.heading("Looking inside");
  t.add("trace", o.trace, "file for a trace of all ranks, for ui.perfetto.dev or chrome://tracing; empty: none");
  t.add("trace_first", o.trace_first, "number of the first step in the trace", {.min = 1});
  t.add("trace_steps", o.trace_steps, "steps in the trace", {.min = 1, .max = 100000});
  t.add("stragglers", o.stragglers, "interval at which the log says what holds the ranks up; \"never\": none");
  t.add("dump_graph", o.dump_graph, "writes the graph of the first step's loss to cg.dot, for Graphviz");
  t.add("progress", o.progress, "a progress bar on standard error");
}

CommunicatorOptions communicator_options(const TrainOptions& o) {
  return {.name = o.communicator,
          .timeout_s = o.comm_timeout,
          .heartbeat_timeout_s = o.heartbeat_timeout,
          .deterministic = o.deterministic,
          .allreduce_grad_dtype = o.allreduce_grad_dtype == "own" ? "" : o.allreduce_grad_dtype};
}

ReducerOptions reducer_options(const TrainOptions& o) {
  const auto bytes = [](double mib) { return static_cast<std::size_t>(mib * 1024 * 1024); };
  const ReducerOptions reducer{.first_bucket_bytes = bytes(o.first_bucket_mib),
                               .bucket_bytes = bytes(o.bucket_mib),
                               .overlap = o.overlap,
                               .zero_fill = o.zero_fill,
                               .double_buffering = o.double_buffering,
                               .carry_over = o.carry_over,
                               .zero = o.zero,
                               .compression = make_compression(o.compression)};
  check_options(reducer, o.clip_norm);
  if (reducer.compression && o.allreduce_grad_dtype != "own") {
    throw ConfigError(
        "compression and allreduce_grad_dtype exclude each other: a compression has a form of its own. Leave "
        "one of them out.");
  }
  return reducer;
}

std::vector<ParameterGroup> parameter_groups(const TrainOptions& o) {
  std::vector<ParameterGroup> groups;
  for (const std::string& group : o.param_groups) {
    const std::size_t decay_at = group.rfind(':');
    const std::size_t lr_at =
        decay_at == std::string::npos || decay_at == 0 ? std::string::npos : group.rfind(':', decay_at - 1);
    if (lr_at == std::string::npos) {
      throw ConfigError("param_groups: \"", group, "\" should be PATTERN:LR:DECAY, for example predictor/l1/*:0.1:1.");
    }
    groups.push_back({.pattern = group.substr(0, lr_at),
                      .lr = factor(group.substr(lr_at + 1, decay_at - lr_at - 1), group),
                      .decay = factor(group.substr(decay_at + 1), group)});
  }
  return groups;
}

images::Augmentation augmentation(const TrainOptions& o) {
  if (o.colour_jitter.size() > 4) {
    throw ConfigError("colour_jitter: ", o.colour_jitter.size(),
                      " numbers, expected up to four: brightness, contrast, saturation, hue.");
  }
  std::vector<double> jitter = o.colour_jitter;
  jitter.resize(4);
  const images::Augmentation augmentation{
      .rand_augment = {.operations = o.rand_augment, .magnitude = o.rand_augment_magnitude},
      .colour_jitter = {.brightness = jitter[0], .contrast = jitter[1], .saturation = jitter[2], .hue = jitter[3]}};
  augmentation.check();
  return augmentation;
}

void apply_recipe(TrainOptions& o, const OptionTable& table) {
  if (o.recipe == "none") return;
  const auto set = [&table](const char* key, auto& value, const auto& of_recipe) {
    if (table.is_given(key) && value != of_recipe) {
      throw ConfigError("recipe = akiba sets ", key, ", which has a value of its own. Leave one of them out.");
    }
    value = of_recipe;
  };
  set("optimizer", o.optimizer, std::string("rmsprop_warmup"));
  set("schedule", o.schedule, std::string("slow_start"));
  set("bn_decay", o.bn_decay, 0.0);
}

void check_combinations(const TrainOptions& o) {
  const ReducerOptions reducer = reducer_options(o);
  parameter_groups(o);
  if (augmentation(o).any() && !o.augment) {
    throw ConfigError(
        "rand_augment and colour_jitter change training pictures, which augment = false leaves as they are. "
        "Leave one of them out.");
  }
  if (o.arch == "mlp" && (augmentation(o).any() || o.cutmix > 0)) {
    throw ConfigError(
        "arch = mlp sees a picture as a row of numbers: rand_augment, colour_jitter and cutmix need a "
        "convolutional network.");
  }
  for (const std::string& report : o.reports) {
    if (std::count(o.reports.begin(), o.reports.end(), report) > 1)
      throw ConfigError("reports: \"", report, "\" is there twice.");
    if (report == "json_lines" || report == "tensorboard" || report == "prometheus" || report == "plot") continue;
    throw ConfigError("reports: \"", report, "\" is unknown, expected json_lines, tensorboard, prometheus or plot.");
  }
  if (device_from_name(o.device).kind == DeviceKind::kCuda && o.reproducible > 0) {
    throw ConfigError("reproducible sums shards on the CPU. Leave it out, or use --device cpu.");
  }
  if (o.augment_on == "device" && (o.mixup > 0 || o.cutmix > 0)) {
    throw ConfigError("mixup and cutmix blend samples on the host: they need augment_on = host.");
  }
  if ((o.cache_shared || o.cache_decoded) && o.cache_mib == 0) {
    throw ConfigError(
        "cache_shared and cache_decoded say how pictures are kept, and cache_mib = 0 keeps none. Add --cache_mib, "
        "the memory to use.");
  }
  if (reducer.compression && (o.dtype == "bfloat16" || o.dtype == "mixed16")) {
    throw ConfigError("dtype = ", o.dtype, " and compression exclude each other: ", reducer.compression->name(),
                      " computes with gradients of 32 or 64 bits. Leave one of them out.");
  }
  if (o.dtype == "mixed16" && o.loss_scale == 0 && (o.carry_over || o.double_buffering)) {
    throw ConfigError("dtype = mixed16 finds its loss scale by skipping steps whose gradients are not finite, and ",
                      o.carry_over ? "carry_over" : "double_buffering",
                      " learns that too late. Give a scale with --loss_scale, or leave one of them out.");
  }
  if (o.zero > 0 && o.optimizer == "adafactor") {
    throw ConfigError("optimizer = adafactor needs whole parameters, and zero shares them out. Leave one of them out.");
  }
  if (o.reproducible == 0) return;
  if (o.mnbn) {
    throw ConfigError(
        "reproducible and mnbn exclude each other: statistics of a shard are its own, for any number of ranks.");
  }
  if (o.bn_reestimate > 0) {
    throw ConfigError(
        "reproducible and bn_reestimate exclude each other: each rank estimates from batches of its own, and they are "
        "others on another number of ranks. Leave one of them out.");
  }
  if (o.zero > 0 || o.double_buffering || o.carry_over || o.compression != "none" || o.allreduce_grad_dtype != "own" ||
      o.accumulate > 1) {
    throw ConfigError(
        "reproducible sums whole gradients in a tree of its own. Leave out zero, double_buffering, carry_over, "
        "compression, allreduce_grad_dtype and accumulate; more shards make a larger batch.");
  }
}

void check_training(const TrainOptions& o) {
  if (o.communicator == "pure_nccl" && device_from_name(o.device).kind == DeviceKind::kCpu) {
    throw ConfigError(
        "communicator = pure_nccl carries gradients on GPUs, and device = cpu has them on the host. Compute there with "
        "--device cuda, or take --communicator auto.");
  }
  if (o.reproducible > 0 && (o.mixup > 0 || o.cutmix > 0) && (o.batchsize % 2 != 0 || o.short_tail)) {
    throw ConfigError(
        "reproducible beside mixup or cutmix needs an even batchsize and short_tail = false, found batchsize = ",
        o.batchsize, o.short_tail ? " and short_tail = true" : "",
        ": a pair of samples that lies on two ranks is not mixed, and which pairs do depends on the number of ranks.");
  }
}

}  // namespace rensa::tools
