#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/communicators/create_communicator.h"
#include "comm/gradients/reducer_options.h"
#include "tools/options/option_table.h"
#include "trainer/images/augmentation.h"

namespace rensa::tools {

/// Every key of `rensa train`. ChainerMN's names where it has them.
struct TrainOptions {
  // Data
  std::string data;
  int batchsize = 32, val_batchsize = 100, loaderjob = 2;
  int size = 224, resize = 256;
  double min_scale = 0.08;
  bool augment = true, short_tail = false;
  std::string augment_on = "host";
  int rand_augment = 0, rand_augment_magnitude = 9;
  std::vector<double> colour_jitter;
  double mixup = 0, cutmix = 0;
  std::int64_t max_bad_images = 100, cache_mib = 0;
  bool cache_shared = false, cache_decoded = false, dump_graph = false;
  // Network
  std::string arch = "resnet50";
  std::int64_t units = 1000, width = 64;
  std::string dtype = "float32", initmodel;
  double loss_scale = 0;
  bool mnbn = false;
  double dropout = 0, bn_eps = 2e-5;
  std::vector<std::string> freeze, param_groups;
  // Optimization
  std::string optimizer = "momentum_sgd", schedule = "constant";
  double epoch = 10, lr = 0.1, momentum = 0.9, weight_decay = 0, clip_norm = 0, label_smoothing = 0;
  std::vector<double> milestones;
  double gamma = 0.1, final_lr = 0, warmup_epochs = 0, warmup_lr = 0;
  bool decay_bias_and_norm = true;
  double power = 1, trust = 0.001, rmsprop_lr = 3e-4, rmsprop_centre = 10, rmsprop_period = 5;
  double bn_decay = 0.9;
  int bn_reestimate = 0;
  bool zero_last_gamma = false;
  std::string recipe = "none";
  // The run
  std::string out = "result", resume, snapshot = "1 epoch", log_interval = "1 epoch", communicator = "auto",
              device = "cpu";
  bool tf32 = false, deterministic = false;
  double comm_timeout = seconds_from_environment("RENSA_COMM_TIMEOUT", 300);
  double heartbeat_timeout = seconds_from_environment("RENSA_HEARTBEAT_TIMEOUT", 5);
  int keep = 2, threads = 0, reproducible = 0;
  std::uint64_t seed = 0;
  bool snapshot_in_background = false, fail_on_non_number = false;
  int patience = 0;
  std::string monitor = "validation/main/accuracy";
  std::vector<std::string> reports;
  std::string trace, stragglers = "never";
  int trace_first = 10, trace_steps = 20;
  double bucket_mib = 25, first_bucket_mib = 1;
  bool overlap = true, progress = true;
  // How gradients travel, and who keeps what
  std::string allreduce_grad_dtype = "own", compression = "none";
  bool double_buffering = false, carry_over = false, zero_fill = true;
  int zero = 0, accumulate = 1;
};

/// How ranks meet and exchange gradients.
CommunicatorOptions communicator_options(const TrainOptions& options);
/// How the reducer is to work. Throws Error for keys that exclude each other, naming both.
ReducerOptions reducer_options(const TrainOptions& options);
/// Factors for the parameters whose paths match.
struct ParameterGroup {
  std::string pattern;
  double lr = 1, decay = 1;
};
/// What param_groups says. Throws ConfigError for a group that is not PATTERN:LR:DECAY.
std::vector<ParameterGroup> parameter_groups(const TrainOptions& options);
/// What happens to training pictures beside crop and flip. Throws an Error for numbers out of range.
images::Augmentation augmentation(const TrainOptions& options);
/// Throws ConfigError for options that exclude each other or that no run can have.
void check_combinations(const TrainOptions& options);
/// Throws ConfigError for what only a training cannot have; `rensa evaluate` and `rensa predict` take its configuration
/// as it is.
void check_training(const TrainOptions& options);

/// Sets the keys that `recipe` stands for. Throws ConfigError if one of them was given in `table` with another value.
void apply_recipe(TrainOptions& options, const OptionTable& table);

void add_train_options(OptionTable& table, TrainOptions& options);

}  // namespace rensa::tools
