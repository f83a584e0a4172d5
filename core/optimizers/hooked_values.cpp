#include "core/optimizers/hooked_values.h"

#include <utility>

namespace rensa {

HookedValues::HookedValues(std::vector<ParameterArena>& arenas, const std::vector<Array>& masters)
    : arenas_(arenas), own_(arenas.size()), places_(arenas.size()) {
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    if (!masters[a]) continue;
    for (const ParameterArena::Slot& slot : arenas[a].slots) places_[a].push_back(slot.parameter->grad_destination());
  }
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    if (!masters[a]) continue;
    own_[a] = std::exchange(arenas[a].values, masters[a]);
    for (const ParameterArena::Slot& slot : arenas[a].slots) {
      const Array gradient = slot.parameter->grad();
      slot.parameter->set_array(ParameterArena::view(masters[a], slot));  // forgets a gradient of 16 bits
      if (gradient) slot.parameter->set_grad(Variable(gradient));
    }
  }
}

HookedValues::~HookedValues() {
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    if (!own_[a]) continue;
    arenas_[a].values = std::move(own_[a]);
    for (std::size_t s = 0; s < arenas_[a].slots.size(); ++s) {
      const ParameterArena::Slot& slot = arenas_[a].slots[s];
      slot.parameter->clear_grad();
      slot.parameter->set_array(ParameterArena::view(arenas_[a].values, slot));
      slot.parameter->set_grad_destination(places_[a][s]);
    }
  }
}

}  // namespace rensa
