#include "tools/train/model_setup.h"

#include <fnmatch.h>

#include <algorithm>

#include "core/device/device.h"
#include "core/device/gpu/precision.h"
#include "core/error.h"
#include "core/links/batch_normalization.h"
#include "core/models/model.h"
#include "core/optimizers/make_optimizer.h"
#include "core/serializers/weights.h"

namespace rensa::tools {
namespace {

template <class Act>
void for_matching(Link& model, const char* option, const std::string& pattern, const Act& act) {
  bool any = false;
  std::vector<std::string> paths;
  for (const Link::NamedParameter& named : model.named_parameters()) {
    paths.push_back(named.path);
    if (!matches(pattern, named.path)) continue;
    act(*named.parameter);
    any = true;
  }
  if (any) return;
  const std::string guess = nearest(pattern, paths);
  throw ConfigError(option, ": no parameter matches \"", pattern, "\"",
                    guess.empty() ? "" : "; did you mean \"" + guess + "\"?",
                    guess.empty() ? ". The first one is " + (paths.empty() ? "" : paths.front()) + "." : "");
}

}  // namespace

bool matches(const std::string& pattern, const std::string& path) {
  return fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
}

Device prepared_device(const TrainOptions& o, const Communicator& comm) {
  const Device named = device_from_name(o.device);
  if (named.kind == DeviceKind::kCuda) gpu::allow_tf32(o.tf32);
  return o.device == "cuda" ? Device{DeviceKind::kCuda, comm.intra_rank()} : named;
}

std::unique_ptr<UnaryLink> make_network(const TrainOptions& o, const Shape& input, std::int64_t classes) {
  return models::make_model(o.arch, {.input = input,
                                     .classes = classes,
                                     .units = o.units,
                                     .width = o.width,
                                     .dropout = o.dropout,
                                     .zero_last_gamma = o.zero_last_gamma,
                                     .eps = o.bn_eps,
                                     .dtype = o.dtype == "mixed16" ? Dtype::kFloat16 : dtype_from_name(o.dtype)});
}

std::vector<std::string> load_initial_weights(Link& model, const std::string& path) {
  const std::vector<std::string> left = load_weights(model, path, {.convert = true, .partial = true});
  const auto missed = [&](const std::string& key) {
    return std::any_of(left.begin(), left.end(), [&](const std::string& line) { return line.starts_with(key + ": "); });
  };
  const auto named = model.named_parameters();
  if (std::all_of(named.begin(), named.end(), [&](const auto& one) { return missed(one.path); })) {
    std::string list;
    for (const std::string& line : left) list += "\n  " + line;
    throw FileError(path, ": not one of its weights fits the network. These differ:", list);
  }
  return left;
}

void apply_parameter_options(Link& model, const TrainOptions& options) {
  if (!options.decay_bias_and_norm) {
    for (const Link::NamedParameter& named : model.named_parameters()) {
      if (named.parameter->ndim() <= 1) named.parameter->weight_decay_scale = 0;
    }
  }
  for (const std::string& pattern : options.freeze) {
    for_matching(model, "freeze", pattern, [](Parameter& p) { p.update_enabled = false; });
  }
  for (const ParameterGroup& group : parameter_groups(options)) {
    for_matching(model, "param_groups", group.pattern, [&](Parameter& p) {
      p.lr_scale *= group.lr;
      p.weight_decay_scale *= group.decay;
    });
  }
}

void set_statistics_decay(Link& model, const TrainOptions& o) {
  for (const Link::NamedLink& named : model.named_links()) {
    if (auto* const normalization = dynamic_cast<BatchNormalization*>(named.link)) normalization->set_decay(o.bn_decay);
  }
}

std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& o, double steps_per_epoch) {
  OptimizerOptions settings{.lr = o.lr};
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return o.optimizer == name; });
  };
  if (is_one_of(
          {"momentum_sgd", "corrected_momentum_sgd", "nesterov_ag", "lars", "corrected_lars", "rmsprop_warmup"})) {
    settings.momentum = o.momentum;
  }
  if (is_one_of({"lars", "corrected_lars"})) settings.eta = o.trust;
  if (is_one_of({"rmsprop_warmup"})) {
    settings.rmsprop_lr = o.rmsprop_lr;
    settings.centre = o.rmsprop_centre * steps_per_epoch;
    settings.period = o.rmsprop_period * steps_per_epoch;
  }
  settings.common.clip_norm = o.clip_norm;
  if (is_one_of({"adamw", "lamb", "lars", "corrected_lars", "lion"})) {
    settings.weight_decay_rate = o.weight_decay;
  } else {
    settings.common.weight_decay = o.weight_decay;
  }
  return rensa::make_optimizer(o.optimizer, settings);
}

void set_loss_scale(Optimizer& optimizer, const TrainOptions& o) {
  if (o.loss_scale > 0) {
    optimizer.set_loss_scale(o.loss_scale);
  } else if (o.dtype == "mixed16") {
    optimizer.loss_scaling();
  }
}

}  // namespace rensa::tools
