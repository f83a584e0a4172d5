#pragma once

#include <vector>

#include "core/optimizers/parameter_arena.h"

namespace rensa {

/// What an optimizer's hooks find as parameters after the update: for as long as this lives, the values of `arenas` and
/// of their parameters are their float32 masters, where there are some. What hooks write there counts in full.
class HookedValues {
 public:
  /// `masters`: of each arena, laid out like it; no array where values stay in their place.
  HookedValues(std::vector<ParameterArena>& arenas, const std::vector<Array>& masters);
  ~HookedValues();
  HookedValues(const HookedValues&) = delete;
  HookedValues& operator=(const HookedValues&) = delete;

 private:
  std::vector<ParameterArena>& arenas_;
  std::vector<Array> own_;                  ///< of each arena, what its values were; no array where they have stayed
  std::vector<std::vector<Array>> places_;  ///< of their slots' gradients
};

}  // namespace rensa
