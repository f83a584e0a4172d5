#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/optimizers/optimizer.h"
#include "core/serializers/serializer.h"

// The part of Optimizer that lays parameters, gradients and state out in arenas, again when parameters come or go, and
// that gives state out, saves and loads it.

namespace rensa {
namespace {

constexpr const char* kMaster = "master";

/// In which the rule computes, and state is kept.
Dtype state_dtype(const ParameterArena& arena) {
  return is_half(arena.values.dtype()) ? Dtype::kFloat32 : arena.values.dtype();
}

}  // namespace

std::vector<Parameter*> Optimizer::newcomers(bool& moved) const {
  const std::vector<Parameter*> parameters = model().parameters();
  const std::unordered_set<const Parameter*> present(parameters.begin(), parameters.end());
  std::unordered_set<const Parameter*> placed;
  moved = false;
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) {
      const bool is_present = slot.is_among(present);
      if (is_present) placed.insert(slot.parameter);
      moved = moved || !is_present || !arena.holds(slot);
    }
  }
  std::vector<Parameter*> joined;
  for (Parameter* parameter : parameters) {
    const bool is_new = parameter->is_initialized() && placed.insert(parameter).second;  // once, if links share it
    if (is_new) joined.push_back(parameter);
  }
  return joined;
}

std::vector<Parameter*> Optimizer::join_parameters() {
  bool moved = false;
  std::vector<Parameter*> joined = newcomers(moved);
  if (!joined.empty() || moved) rebuild_arenas(model().parameters());
  return joined;
}

bool Optimizer::arenas_are_current() {
  bool moved = false;
  return newcomers(moved).empty() && !moved;
}

void Optimizer::lay_out(const std::vector<Parameter*>& order) {
  order_ = order;
  std::vector<Parameter*> parameters;
  std::unordered_set<const Parameter*> taken;
  for (Parameter* parameter : order) {
    if (taken.insert(parameter).second) parameters.push_back(parameter);
  }
  bool same = true;
  for (const ParameterArena& arena : arenas_) {  // each arena's slots in the order given: then nothing moves
    auto at = parameters.begin();
    for (const ParameterArena::Slot& slot : arena.slots) {
      at = taken.contains(slot.parameter) ? std::find(at, parameters.end(), slot.parameter) : parameters.end();
      same = same && at != parameters.end();
    }
  }
  if (!same) rebuild_arenas(model().parameters());
}

Optimizer::ArenaState Optimizer::make_state(const ParameterArena& arena) const {
  ArenaState state;
  const std::int64_t all = arena.values.size();
  state.windows = shards_ ? shards_->windows(arena) : std::vector<ArenaWindow>{{.begin = 0, .end = all, .offset = 0}};
  std::int64_t kept = 0;
  for (const ArenaWindow& window : state.windows) kept += window.end - window.begin;
  const std::size_t pieces = state_names().size() + (is_half(arena.values.dtype()) ? 1 : 0);
  for (std::size_t i = 0; i < pieces; ++i) {
    state.state.push_back(zeros({kept}, state_dtype(arena), arena.values.device()));
  }
  if (!arena.gradients) state.gradients = zeros({kept}, arena.values.dtype(), arena.values.device());
  state.t.resize(arena.slots.size());
  return state;
}

Array Optimizer::whole(const ParameterArena& arena, const ArenaState& state, std::size_t index) const {
  return shards_ ? shards_->gather(arena, state.state[index]) : state.state[index];
}

void Optimizer::keep_windows(const ArenaState& state, const Array& from_whole, const Array& into) {
  for (const ArenaWindow& window : state.windows) {
    const std::int64_t count = window.end - window.begin;
    into.slice(0, {.start = window.offset, .stop = window.offset + count})
        .copy_from(from_whole.slice(0, {.start = window.begin, .stop = window.end}));
  }
}

void Optimizer::rebuild_arenas(const std::vector<Parameter*>& parameters) {
  settle_control();
  std::vector<ArenaState> old_states = std::move(states_);
  const std::vector<ParameterArena> old_arenas = std::move(arenas_);
  for (std::size_t a = 0; a < old_arenas.size() && shards_; ++a) {
    for (std::size_t i = 0; i < old_states[a].state.size(); ++i) {
      old_states[a].state[i] = whole(old_arenas[a], old_states[a], i);
    }
  }
  std::vector<Parameter*> latest_last = parameters;  // arenas begin with the last one
  const std::unordered_set<const Parameter*> present(parameters.begin(), parameters.end());
  std::copy_if(order_.rbegin(), order_.rend(), std::back_inserter(latest_last),
               [&](const Parameter* parameter) { return present.contains(parameter); });
  const ArenaAllocator on_device = [](std::int64_t n, Dtype dtype, Device device) { return zeros({n}, dtype, device); };
  arenas_ = make_arenas(latest_last, allocate_values_ ? allocate_values_ : on_device,
                        allocate_values_ ? allocate_gradients_ : on_device, shards_ ? shards_->multiple() : 1);
  states_.clear();
  for (const ParameterArena& arena : arenas_) states_.push_back(make_state(arena));

  std::unordered_map<const Parameter*, Place> old_places;
  for (std::size_t a = 0; a < old_arenas.size(); ++a) {
    for (std::size_t s = 0; s < old_arenas[a].slots.size(); ++s) {
      old_places[old_arenas[a].slots[s].parameter] = {&old_arenas[a], &old_states[a], s};
    }
  }
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    const auto each_known = [&](const auto& act) {
      for (std::size_t s = 0; s < arenas_[a].slots.size(); ++s) {
        const ParameterArena::Slot& slot = arenas_[a].slots[s];
        const auto from = old_places.find(slot.parameter);
        if (from == old_places.end()) continue;
        const ParameterArena::Slot& old = from->second.arena->slots[from->second.slot];
        if (old.is_of(*slot.parameter) && old.shape == slot.shape) act(s, from->second);  // others begin anew
      }
    };
    each_known([&](std::size_t s, const Place& from) { states_[a].t[s] = from.state->t[from.slot]; });
    for (std::size_t i = 0; i < states_[a].state.size(); ++i) {
      const Array all = shards_ ? zeros({arenas_[a].values.size()}, state_dtype(arenas_[a]), arenas_[a].values.device())
                                : states_[a].state[i];
      each_known([&](std::size_t s, const Place& from) {
        if (i >= from.state->state.size()) return;  // it has got 16 bits, and a master
        ParameterArena::view(all, arenas_[a].slots[s])
            .copy_from(ParameterArena::view(from.state->state[i], from.arena->slots[from.slot]));
      });
      if (shards_) keep_windows(states_[a], all, states_[a].state[i]);
    }
  }
}

void Optimizer::collect_shard_gradients() {
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    if (arenas_[a].gradients) continue;
    const Array all = zeros_like(arenas_[a].values);
    for (const ParameterArena::Slot& slot : arenas_[a].slots) {
      if (slot.parameter->grad()) ParameterArena::view(all, slot).copy_from(slot.parameter->grad());
      slot.parameter->clear_grad();
    }
    keep_windows(states_[a], all, states_[a].gradients);
  }
}

void Optimizer::exchange_gradients(std::vector<Array>& others) {
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    std::swap(arenas_[a].gradients, others[a]);
    for (const ParameterArena::Slot& slot : arenas_[a].slots) {
      const Array place = ParameterArena::view(arenas_[a].gradients, slot);
      slot.parameter->clear_grad();
      slot.parameter->set_grad_destination(place);
      slot.parameter->set_grad(Variable(place));
    }
  }
}

std::size_t Optimizer::state_bytes() const {
  std::size_t bytes = 0;
  for (const ArenaState& state : states_) {
    for (const Array& array : state.state) bytes += array.bytes();
  }
  return bytes;
}

Optimizer::Place Optimizer::find(const Parameter& parameter) {
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    for (std::size_t s = 0; s < arenas_[a].slots.size(); ++s) {
      if (arenas_[a].slots[s].is_of(parameter)) return {&arenas_[a], &states_[a], s};
    }
  }
  return {};
}

Array Optimizer::state(const std::string& name, const Parameter& parameter) {
  std::vector<std::string> names = state_names();
  if (is_half(parameter.dtype())) names.emplace_back(kMaster);
  const auto found = std::find(names.begin(), names.end(), name);
  const Place place = find(parameter);
  if (found == names.end() || !place.arena) {
    throw ValueError(this->name(), ": there is no state \"", name, "\" of parameter ", parameter.name(),
                     ". It has state after setup(), if it is initialised and belongs to the model.");
  }
  if (shards_) {
    throw ValueError(this->name(),
                     ": the state is sharded, each rank holds a part. Read it from serialize(), or set zero = 0.");
  }
  const auto index = static_cast<std::size_t>(found - names.begin());
  return ParameterArena::view(place.state->state[index], place.arena->slots[place.slot]);
}

void Optimizer::serialize(Serializer& serializer) {
  Optimizer::join_parameters();
  settle_control();
  serializer("t", t_);
  serializer("epoch", epoch_);
  if (serializer.has("lr")) {  // not in Chainer's snapshots
    double rate = lr();
    serializer("lr", rate);
    set_lr(rate);
  }
  loss_scale_.serialize(serializer);
  std::vector<std::string> names = state_names();
  names.emplace_back(kMaster);
  std::vector<std::vector<Array>> all;  // of each arena, whatever part of it is kept here
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    std::vector<Array>& arrays = all.emplace_back();
    for (std::size_t i = 0; i < states_[a].state.size(); ++i) {
      arrays.push_back(shards_ && serializer.is_loading()
                           ? zeros({arenas_[a].values.size()}, state_dtype(arenas_[a]), arenas_[a].values.device())
                           : whole(arenas_[a], states_[a], i));
    }
  }
  for (const Link::NamedParameter& named : model().named_parameters()) {
    const Place place = find(*named.parameter);
    if (!place.arena) continue;
    serializer(named.path + "/t", place.state->t[place.slot]);
    const auto a = static_cast<std::size_t>(place.arena - arenas_.data());
    for (std::size_t i = 0; i < all[a].size(); ++i) {
      const std::string key = named.path + "/" + names[i];
      // A snapshot of float32 weights has no masters: they are those. Chainer saves no state of frozen parameters.
      const bool may_be_absent = names[i] == kMaster || (serializer.is_loading() && !named.parameter->update_enabled);
      if (may_be_absent && !serializer.has(key)) continue;
      Array view = ParameterArena::view(all[a][i], place.arena->slots[place.slot]);
      serializer(key, view);
    }
  }
  for (std::size_t a = 0; a < arenas_.size() && shards_ && serializer.is_loading(); ++a) {
    for (std::size_t i = 0; i < all[a].size(); ++i) keep_windows(states_[a], all[a][i], states_[a].state[i]);
  }
}

}  // namespace rensa
