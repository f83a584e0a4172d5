#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/optimizers/optimizer.h"

namespace rensa {

/// Settings of any optimizer; one that is not given has the optimizer's own default.
struct OptimizerOptions {
  std::optional<double> lr = std::nullopt;
  std::optional<double> momentum = std::nullopt;
  std::optional<double> alpha = std::nullopt;  ///< rmsprop, rmsprop_graves: how slowly the squares' mean moves
  std::optional<double> beta = std::nullopt;   ///< msvag
  std::optional<double> beta1 = std::nullopt;  ///< adam and its relatives
  std::optional<double> beta2 = std::nullopt;
  std::optional<double> rho = std::nullopt;  ///< adadelta
  std::optional<double> eps = std::nullopt;
  std::optional<double> eta = std::nullopt;                ///< adam and its relatives; lars: the trust factor
  std::optional<double> gamma = std::nullopt;              ///< adabound, amsbound
  std::optional<double> final_lr = std::nullopt;           ///< adabound, amsbound
  std::optional<double> weight_decay_rate = std::nullopt;  ///< of those that decay apart from the gradient
  std::optional<double> rmsprop_lr = std::nullopt;         ///< rmsprop_warmup, as the next two
  std::optional<double> centre = std::nullopt;             ///< in updates
  std::optional<double> period = std::nullopt;             ///< in updates
  CommonOptions common = {};
};

/// An optimizer by its name (optimizer_names()). Throws ValueError that lists the names for another one, and for a
/// setting that the optimizer does not have.
std::unique_ptr<Optimizer> make_optimizer(std::string_view name, const OptimizerOptions& options = {});

/// The names that make_optimizer takes.
std::vector<std::string> optimizer_names();

}  // namespace rensa
