#pragma once

#include "trainer/extension.h"

namespace rensa {

/// Throws ValueError when a weight is not a finite number, and names it: Chainer's FailOnNonNumber. The default trigger
/// asks once an epoch; asking reads every weight.
class FailOnNonNumber final : public Extension {
 public:
  std::string name() const override { return "FailOnNonNumber"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kWriter + 1; }  // before anything is made of the weights
  void operator()(Trainer& trainer) override;
};

}  // namespace rensa
