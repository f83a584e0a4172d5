#include "core/optimizers/hooked_gradients.h"

#include <utility>

#include "core/kernels/arithmetic.h"

namespace rensa {

HookedGradients::HookedGradients(std::vector<ParameterArena>& arenas, double factor)
    : arenas_(arenas), own_(arenas.size()) {
  // What needs memory comes first: nothing has changed if there is not enough.
  std::vector<Array> without_scale(arenas.size());
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    const Array& gradients = arenas[a].gradients;
    if (!gradients) continue;  // they have no place, and hooks are refused
    Array& mine = without_scale[a];
    mine = is_half(gradients.dtype()) ? gradients.to(Dtype::kFloat32) : gradients;
    if (factor != 1) mine = kernels::mul_number(mine, factor);
  }
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    Array& gradients = arenas[a].gradients;
    if (!gradients) continue;
    if (!is_half(gradients.dtype())) {
      if (factor != 1) gradients.copy_from(without_scale[a]);
      continue;
    }
    own_[a] = std::exchange(gradients, without_scale[a]);
    for (const ParameterArena::Slot& slot : arenas[a].slots) {
      slot.parameter->set_grad(Variable(ParameterArena::view(gradients, slot)));
    }
  }
}

HookedGradients::~HookedGradients() {
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    if (!own_[a]) continue;
    arenas_[a].gradients = std::move(own_[a]);
    for (const ParameterArena::Slot& slot : arenas_[a].slots) slot.parameter->clear_grad();
  }
}

}  // namespace rensa
