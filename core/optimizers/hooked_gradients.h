#pragma once

#include <vector>

#include "core/optimizers/parameter_arena.h"

namespace rensa {

/// What an optimizer's hooks find as gradients, and its update then uses: for as long as this lives, the gradients of
/// `arenas` and of their parameters are multiplied by `factor`, which divides the loss scale out. Those of 16-bit
/// parameters are float32 meanwhile: there the small ones, which the loss scale is for, are not lost.
class HookedGradients {
 public:
  HookedGradients(std::vector<ParameterArena>& arenas, double factor);
  ~HookedGradients();
  HookedGradients(const HookedGradients&) = delete;
  HookedGradients& operator=(const HookedGradients&) = delete;

 private:
  std::vector<ParameterArena>& arenas_;
  std::vector<Array> own_;  ///< of each arena, what its gradients were; no array where they have stayed in their place
};

}  // namespace rensa
