#pragma once

#include "trainer/extension.h"

namespace rensa {

/// Once an epoch, every running statistic becomes its mean over the ranks, before anything is evaluated: ChainerMN's
/// AllreducePersistent. Evaluator and Snapshot do it by themselves; this is for programs that use the model otherwise.
class AllreducePersistent final : public Extension {
 public:
  std::string name() const override { return "AllreducePersistent"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kWriter + 1; }
  void operator()(Trainer& trainer) override;
};

}  // namespace rensa
