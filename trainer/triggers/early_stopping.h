#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trainer/trigger.h"

namespace rensa {

/// Options of early_stopping().
struct EarlyStoppingOptions {
  std::string monitor = "main/loss";  ///< an observed name
  int patience = 3;                   ///< how many checks without a better value end the run
  std::string mode = "auto";          ///< "max", "min"; "auto": max if the name holds "accuracy", else min
  /// Where to say, on rank 0, that the run ends and why; null: nowhere.
  std::function<void(const std::string& line)> report = nullptr;
};

/// Agrees when the monitored value, as a mean over all ranks, has not become better for `patience` checks: the rule of
/// Chainer's EarlyStoppingTrigger and ChainerMN's MultiNodeEarlyStoppingTrigger. Throws ValueError for an unknown mode
/// or a patience below 1.
///
///   trainer.stop_when({1, Unit::kEpoch, early_stopping({.monitor = "validation/main/accuracy"})});
std::shared_ptr<TriggerRule> early_stopping(const EarlyStoppingOptions& options = {});

}  // namespace rensa
