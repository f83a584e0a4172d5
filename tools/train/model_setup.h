#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"
#include "core/optimizers/optimizer.h"
#include "tools/train/train_options.h"

namespace rensa::tools {

/// Where this rank computes, with tf32 as asked for. "cuda" is the GPU of the rank's number on its node.
Device prepared_device(const TrainOptions& options, const Communicator& comm);

/// The network that the keys describe, for samples of shape `input`.
std::unique_ptr<UnaryLink> make_network(const TrainOptions& options, const Shape& input, std::int64_t classes);

/// Weights from a snapshot or a file of weights (core/serializers/weights.h), where path and shape agree. What did not
/// is returned, a line each: keys of the model that the file lacks or has in another shape, and keys of the file that
/// the model lacks. Throws FileError with that list if no parameter fits.
std::vector<std::string> load_initial_weights(Link& model, const std::string& path);

/// Applies freeze, param_groups and decay_bias_and_norm to the model's parameters. Throws ConfigError for a pattern
/// that matches nothing (the nearest path is named) or cannot be read.
void apply_parameter_options(Link& model, const TrainOptions& options);

/// `steps_per_epoch`: updates, with a fraction.
std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, double steps_per_epoch);
/// Gives every batch normalization of the model bn_decay.
void set_statistics_decay(Link& model, const TrainOptions& options);
/// Gives the optimizer that steps are made with the loss scale that dtype and loss_scale ask for.
void set_loss_scale(Optimizer& optimizer, const TrainOptions& options);

/// Whether `path` fits a shell pattern: * stands for anything, ? for one letter.
bool matches(const std::string& pattern, const std::string& path);

}  // namespace rensa::tools
