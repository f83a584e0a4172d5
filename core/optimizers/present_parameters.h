#pragma once

#include <unordered_set>
#include <vector>

#include "core/links/link.h"

namespace rensa {

/// The parameters that `model` has now. Those of which something was kept may have left it with a link or a hook
/// (ParameterArena::Slot).
inline std::unordered_set<const Parameter*> present_parameters(Link& model) {
  const std::vector<Parameter*> all = model.parameters();
  return {all.begin(), all.end()};
}

}  // namespace rensa
