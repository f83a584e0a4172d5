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
  std::optional<double> momentum = std::nullopt;           ///< momentum_sgd, nesterov_ag
  std::optional<double> beta1 = std::nullopt;              ///< adam, adamw
  std::optional<double> beta2 = std::nullopt;              ///< adam, adamw
  std::optional<double> eps = std::nullopt;                ///< adam, adamw
  std::optional<double> eta = std::nullopt;                ///< adam, adamw
  std::optional<double> weight_decay_rate = std::nullopt;  ///< adamw
  CommonOptions common = {};
};

/// "sgd", "momentum_sgd", "nesterov_ag", "adam" or "adamw". Throws ValueError that lists the names for another one, and
/// for a setting that the optimizer does not have.
std::unique_ptr<Optimizer> make_optimizer(std::string_view name, const OptimizerOptions& options = {});

/// The names that make_optimizer takes.
std::vector<std::string> optimizer_names();

}  // namespace rensa
