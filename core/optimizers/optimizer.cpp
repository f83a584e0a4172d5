#include "core/optimizers/optimizer.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/error.h"
#include "core/kernels/optimizer.h"
#include "core/serializers/serializer.h"

namespace rensa {

void Optimizer::setup(Link& model) {
  model_ = &model;
  t_ = epoch_ = 0;
  arenas_.clear();
  states_.clear();
  Optimizer::join_parameters();
}

Link& Optimizer::model() const {
  if (!model_) throw GraphError(name(), ": there is no model yet. Call setup(model) before the first update().");
  return *model_;
}

void Optimizer::set_arena_allocators(ArenaAllocator values, ArenaAllocator gradients) {
  if (model_) throw GraphError(name(), ": set_arena_allocators() must come before setup().");
  allocate_values_ = std::move(values);
  allocate_gradients_ = std::move(gradients);
}

std::vector<Parameter*> Optimizer::join_parameters() {
  const std::vector<Parameter*> parameters = model().parameters();
  std::unordered_map<const Parameter*, bool> in_place;  // where a slot exists: is the array still there?
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) in_place[slot.parameter] = arena.holds(slot);
  }
  std::vector<Parameter*> joined;
  bool moved = false;
  for (Parameter* parameter : parameters) {
    if (!parameter->is_initialized()) continue;
    const auto found = in_place.find(parameter);
    if (found == in_place.end()) {
      joined.push_back(parameter);
      in_place[parameter] = true;  // once, if links share it
    } else if (!found->second) {
      moved = true;
    }
  }
  if (!joined.empty() || moved) rebuild_arenas(parameters);
  return joined;
}

void Optimizer::rebuild_arenas(const std::vector<Parameter*>& parameters) {
  const std::vector<ParameterArena> old_arenas = std::move(arenas_);
  const std::vector<ArenaState> old_states = std::move(states_);
  arenas_ = allocate_values_ ? make_arenas(parameters, allocate_values_, allocate_gradients_) : make_arenas(parameters);
  states_.clear();
  for (const ParameterArena& arena : arenas_) {
    ArenaState& state = states_.emplace_back();
    for (std::size_t i = 0; i < state_names().size(); ++i) state.state.push_back(zeros_like(arena.values));
    state.t.resize(arena.slots.size());
  }
  for (std::size_t a = 0; a < old_arenas.size(); ++a) {
    for (std::size_t s = 0; s < old_arenas[a].slots.size(); ++s) {
      const ParameterArena::Slot& from = old_arenas[a].slots[s];
      const Place to = find(*from.parameter);
      if (!to.arena) continue;
      to.state->t[to.slot] = old_states[a].t[s];
      for (std::size_t i = 0; i < to.state->state.size(); ++i) {
        const Array target = ParameterArena::view(to.state->state[i], to.arena->slots[to.slot]);
        target.copy_from(ParameterArena::view(old_states[a].state[i], from));
      }
    }
  }
}

Optimizer::Place Optimizer::find(const Parameter& parameter) {
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    for (std::size_t s = 0; s < arenas_[a].slots.size(); ++s) {
      if (arenas_[a].slots[s].parameter == &parameter) return {&arenas_[a], &states_[a], s};
    }
  }
  return {};
}

void Optimizer::update() {
  Optimizer::join_parameters();
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) ParameterArena::complete_gradient(slot);
  }
  for (const auto& [name, hook] : hooks_) hook(*this);
  ++t_;
  const double scale = clip_scale();
  for (std::size_t a = 0; a < arenas_.size(); ++a) update_arena(arenas_[a], states_[a], scale);
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) slot.parameter->clear_grad();
  }
}

double Optimizer::clip_scale() const {
  if (common_.clip_norm <= 0) return 1;
  double squares = 0;
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) {
      if (!slot.parameter->update_enabled) continue;
      squares += kernels::sum_of_squares(arena.gradients.slice(0, {.start = slot.offset, .stop = slot.offset + slot.size}));
    }
  }
  const double norm = std::sqrt(squares);
  return norm > common_.clip_norm ? common_.clip_norm / norm : 1;
}

void Optimizer::update_arena(const ParameterArena& arena, ArenaState& state, double gradient_scale) {
  const auto& slots = arena.slots;
  for (std::size_t first = 0; first < slots.size();) {
    const Parameter& settings = *slots[first].parameter;
    const auto alike = [&](std::size_t s) {
      const Parameter& other = *slots[s].parameter;
      return other.update_enabled == settings.update_enabled && other.lr_scale == settings.lr_scale &&
             other.weight_decay_scale == settings.weight_decay_scale && state.t[s] == state.t[first];
    };
    std::size_t last = first + 1;
    while (last < slots.size() && alike(last)) ++last;
    if (settings.update_enabled) {
      // The gap behind the last slot comes along: it holds zeros, and no vector loop then has a tail.
      const std::int64_t end = last < slots.size() ? slots[last].offset : arena.values.size();
      const auto part = [&](const Array& whole) { return whole.slice(0, {.start = slots[first].offset, .stop = end}); };
      Range range{.values = part(arena.values),
                  .gradients = part(arena.gradients),
                  .state = {},
                  .lr_scale = settings.lr_scale,
                  .weight_decay = common_.weight_decay * settings.weight_decay_scale,
                  .decay_scale = settings.weight_decay_scale,
                  .gradient_scale = gradient_scale,
                  .t = state.t[first] + 1};
      for (const Array& array : state.state) range.state.push_back(part(array));
      update_range(range);
      for (std::size_t s = first; s < last; ++s) ++state.t[s];
    }
    first = last;
  }
}

void Optimizer::add_hook(std::string name, Hook hook) {
  for (const auto& entry : hooks_) {
    if (entry.first == name) throw ValueError(this->name(), ": there is a hook named \"", name, "\" already.");
  }
  hooks_.emplace_back(std::move(name), std::move(hook));
}

void Optimizer::remove_hook(const std::string& name) {
  const auto found = std::find_if(hooks_.begin(), hooks_.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == hooks_.end()) throw ValueError(this->name(), ": there is no hook named \"", name, "\".");
  hooks_.erase(found);
}

Array Optimizer::state(const std::string& name, const Parameter& parameter) {
  const std::vector<std::string> names = state_names();
  const auto found = std::find(names.begin(), names.end(), name);
  const Place place = find(parameter);
  if (found == names.end() || !place.arena) {
    throw ValueError(this->name(), ": there is no state \"", name, "\" of parameter ", parameter.name(),
                     ". It has state after setup(), if it is initialised and belongs to the model.");
  }
  const auto index = static_cast<std::size_t>(found - names.begin());
  return ParameterArena::view(place.state->state[index], place.arena->slots[place.slot]);
}

void Optimizer::serialize(Serializer& serializer) {
  Optimizer::join_parameters();
  serializer("t", t_);
  serializer("epoch", epoch_);
  if (serializer.has("lr")) {  // not in Chainer's snapshots
    double rate = lr();
    serializer("lr", rate);
    set_lr(rate);
  }
  const std::vector<std::string> names = state_names();
  for (const Link::NamedParameter& named : model().named_parameters()) {
    const Place place = find(*named.parameter);
    if (!place.arena) continue;
    serializer(named.path + "/t", place.state->t[place.slot]);
    for (std::size_t i = 0; i < names.size(); ++i) {
      Array view = ParameterArena::view(place.state->state[i], place.arena->slots[place.slot]);
      serializer(named.path + "/" + names[i], view);
    }
  }
}

}  // namespace rensa
