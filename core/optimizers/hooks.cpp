#include <algorithm>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/kernels/optimizer.h"
#include "core/optimizers/hooked_gradients.h"
#include "core/optimizers/hooked_values.h"
#include "core/optimizers/optimizer.h"

// The part of Optimizer that lets a program's hooks see, and change, gradients before an update and parameters after
// it.

namespace rensa {
namespace {

/// The hook of that name.
template <class Hooks>
auto found(const Hooks& hooks, const std::string& name, std::string_view optimizer) {
  const auto hook = std::find_if(hooks.begin(), hooks.end(), [&](const auto& entry) { return entry.name == name; });
  if (hook == hooks.end()) throw ValueError(optimizer, ": there is no hook named \"", name, "\".");
  return hook;
}

}  // namespace

void Optimizer::add_hook(std::string name, Hook hook, HookTiming timing) {
  for (const NamedHook& entry : hooks_) {
    if (entry.name == name) throw ValueError(this->name(), ": there is a hook named \"", name, "\" already.");
  }
  hooks_.push_back({std::move(name), std::move(hook), timing});
}

std::vector<std::string> Optimizer::hook_names() const {
  std::vector<std::string> names;
  for (const NamedHook& entry : hooks_) names.push_back(entry.name);
  return names;
}

HookTiming Optimizer::hook_timing(const std::string& name) const { return found(hooks_, name, this->name())->timing; }

void Optimizer::remove_hook(const std::string& name) { hooks_.erase(found(hooks_, name, this->name())); }

std::unique_ptr<HookedGradients> Optimizer::run_hooks(double& unscale) {
  if (hooks_.empty() || (shards_ && !has_hooks(HookTiming::kPre))) return nullptr;
  auto hooked = std::make_unique<HookedGradients>(arenas_, std::exchange(unscale, 1));
  call_hooks(HookTiming::kPre);
  return hooked;
}

Array Optimizer::whole_masters(const ParameterArena& arena, const ArenaState& state) const {
  const Array& kept = state.state.back();
  const Array all = shards_ ? empty({arena.values.size()}, kept.dtype(), kept.device()) : kept;
  for (const ArenaWindow& window : state.windows) {
    const std::int64_t count = window.end - window.begin;
    const Array mine = kept.slice(0, {.start = window.offset, .stop = window.offset + count});
    const Slice place{.start = window.begin, .stop = window.end};
    kernels::adopt_values(mine, arena.values.slice(0, place));  // the rule has not looked at frozen parameters
    if (shards_) all.slice(0, place).copy_from(mine);
  }
  if (shards_) shards_->gather_in_place(arena, all);
  return all;
}

void Optimizer::run_post_hooks() {
  if (!has_hooks(HookTiming::kPost)) return;
  std::vector<Array> masters(arenas_.size());
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    if (is_half(arenas_[a].values.dtype())) {
      masters[a] = whole_masters(arenas_[a], states_[a]);
    } else if (shards_) {
      shards_->gather_in_place(arenas_[a], arenas_[a].values);
    }
  }
  {
    const HookedValues shown(arenas_, masters);
    call_hooks(HookTiming::kPost);
  }
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    if (!masters[a]) continue;
    if (shards_) keep_windows(states_[a], masters[a], states_[a].state.back());
    arenas_[a].values.copy_from(masters[a]);
  }
}

bool Optimizer::has_hooks(HookTiming timing) const {
  return std::any_of(hooks_.begin(), hooks_.end(), [&](const NamedHook& entry) { return entry.timing == timing; });
}

void Optimizer::call_hooks(HookTiming timing) {
  for (const NamedHook& entry : hooks_) {
    if (entry.timing == timing) entry.hook(*this);
  }
}

}  // namespace rensa
