#include "core/optimizers/hooked_gradients.h"

#include <utility>

#include "core/kernels/arithmetic.h"

namespace rensa {

HookedGradients::HookedGradients(std::vector<ParameterArena>& arenas, double factor)
    : arenas_(arenas), own_(arenas.size()) {
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    Array& gradients = arenas[a].gradients;
    if (!gradients) continue;  // they have no place, and hooks are refused
    if (is_half(gradients.dtype())) {
      Array wide = gradients.to(Dtype::kFloat32);
      own_[a] = std::exchange(gradients, factor == 1 ? wide : kernels::mul_number(wide, factor));
      for (const ParameterArena::Slot& slot : arenas[a].slots) {
        slot.parameter->set_grad(Variable(ParameterArena::view(gradients, slot)));
      }
    } else if (factor != 1) {
      gradients.copy_from(kernels::mul_number(gradients, factor));
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
