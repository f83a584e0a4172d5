#include "core/optimizers/parameter_arena.h"

#include <algorithm>

namespace rensa {
namespace {

constexpr std::int64_t kAlignmentBytes = 64;

Array slice_of(const Array& arena, const ParameterArena::Slot& slot) {
  return arena.slice(0, {.start = slot.offset, .stop = slot.offset + slot.size});
}

Array zeros_on(std::int64_t count, Dtype dtype, Device device) { return zeros({count}, dtype, device); }

ParameterArena lay_out(const std::vector<Parameter*>& members, const ArenaAllocator& allocate_values,
                       const ArenaAllocator& allocate_gradients, std::int64_t multiple) {
  const Dtype dtype = members.front()->dtype();
  const Device device = members.front()->device();
  const std::int64_t unit = kAlignmentBytes / static_cast<std::int64_t>(item_size(dtype));
  ParameterArena arena;
  std::int64_t end = 0;
  for (Parameter* parameter : members) {
    const Array& values = parameter->array();
    arena.slots.push_back({.parameter = parameter,
                           .offset = end,
                           .size = values.size(),
                           .shape = values.shape(),
                           .strides = values.is_dense() ? values.strides() : contiguous_strides(values.shape()),
                           .variable = *parameter});
    end += (parameter->size() + 1 + unit - 1) / unit * unit;  // one element of gap at least
  }
  end = (end + multiple - 1) / multiple * multiple;
  arena.values = allocate_values(end, dtype, device);
  arena.gradients = allocate_gradients(end, dtype, device);
  for (const ParameterArena::Slot& slot : arena.slots) {
    const Array place = ParameterArena::view(arena.values, slot);
    place.copy_from(slot.parameter->array());
    const Array gradient_place = arena.gradients ? ParameterArena::view(arena.gradients, slot) : Array();
    slot.parameter->set_array(place);
    slot.parameter->set_grad_destination(gradient_place);
  }
  return arena;
}

}  // namespace

Array ParameterArena::view(const Array& arena, const Slot& slot) {
  const Array flat = slice_of(arena, slot);
  const auto offset = static_cast<std::byte*>(flat.raw_data()) - flat.buffer()->data();
  return Array(flat.buffer(), static_cast<std::size_t>(offset), slot.shape, slot.strides, flat.dtype());
}

bool ParameterArena::holds(const Slot& slot) const {
  const Array& array = slot.parameter->array();
  const auto begin = static_cast<std::byte*>(values.raw_data());
  return array.raw_data() == begin + static_cast<std::size_t>(slot.offset) * item_size(values.dtype()) &&
         array.shape() == slot.shape && array.strides() == slot.strides;
}

void ParameterArena::complete_gradient(const Slot& slot) {
  const Array& place = slot.parameter->grad_destination();
  if (!place) return;
  const Array gradient = slot.parameter->grad();
  if (gradient && gradient.raw_data() == place.raw_data()) return;
  if (gradient) {
    place.copy_from(gradient);
  } else {
    place.fill(0);
  }
  slot.parameter->set_grad(Variable(place));
}

std::vector<ParameterArena> make_arenas(const std::vector<Parameter*>& parameters,
                                        const ArenaAllocator& allocate_values, const ArenaAllocator& allocate_gradients,
                                        std::int64_t multiple) {
  std::vector<std::vector<Parameter*>> groups;
  for (auto it = parameters.rbegin(); it != parameters.rend(); ++it) {
    Parameter* parameter = *it;
    if (!parameter->is_initialized()) continue;
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const std::vector<Parameter*>& members) {
      return members.front()->dtype() == parameter->dtype() && members.front()->device() == parameter->device();
    });
    if (group == groups.end()) {
      groups.push_back({parameter});
    } else if (std::find(group->begin(), group->end(), parameter) == group->end()) {
      group->push_back(parameter);
    }
  }
  std::vector<ParameterArena> arenas;
  for (const std::vector<Parameter*>& members : groups) {
    arenas.push_back(lay_out(members, allocate_values, allocate_gradients, multiple));
  }
  return arenas;
}

std::vector<ParameterArena> make_arenas(const std::vector<Parameter*>& parameters) {
  return make_arenas(parameters, zeros_on, zeros_on);
}

}  // namespace rensa
