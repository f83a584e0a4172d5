#include "core/optimizers/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/memory.h"
#include "core/kernels/optimizer.h"
#include "core/optimizers/hooked_gradients.h"

namespace rensa {
namespace {

/// The group of arrays on x's device, which is new if there was none.
std::vector<Array>& beside(std::vector<std::vector<Array>>& groups, const Array& x) {
  for (std::vector<Array>& group : groups) {
    if (group.front().device() == x.device()) return group;
  }
  return groups.emplace_back();
}

/// Σ x² of all groups: of a single one it stays on its device and the host waits for nothing; several are added up on
/// the host.
Array total_of_squares(const std::vector<std::vector<Array>>& groups) {
  Array total;
  for (const std::vector<Array>& group : groups) {
    const Array part = kernels::sum_of_squares(group.front(), {group.begin() + 1, group.end()});
    total = total ? kernels::add(total.to(Device{}), part.to(Device{})) : part;
  }
  return total;
}

}  // namespace

void Optimizer::setup(Link& model) {
  settle_control();
  model_ = &model;
  t_ = epoch_ = 0;
  arenas_.clear();
  states_.clear();
  order_.clear();
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

void Optimizer::set_shards(std::shared_ptr<ArenaShards> shards) {
  if (model_) throw GraphError(name(), ": set_shards() must come before setup().");
  if (shards && scope() == Scope::kParameter) {
    throw ValueError(name(),
                     ": needs whole parameters, and would have parts of them. Set zero = 0, or take another "
                     "optimizer.");
  }
  shards_ = std::move(shards);
}

void Optimizer::update() {
  Optimizer::join_parameters();
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) ParameterArena::complete_gradient(slot);
  }
  if (const Device device = deciding_device(); device.kind != DeviceKind::kCpu) {
    return update_as_device_decides(device);
  }
  settle_control();
  const bool safe = !loss_scale_.is_dynamic() || is_safe_to_update();
  double unscale = 1 / loss_scale_.value();
  std::unique_ptr<HookedGradients> hooked;
  if (safe) hooked = run_hooks(unscale);
  ++t_;
  if (safe) {
    const double scale = clip_scale(unscale);
    for (std::size_t a = 0; a < arenas_.size(); ++a) {
      update_arena(a, 0, arenas_[a].slots.size(), scale);
      arenas_[a].values.buffer()->note_write();  // a graph that still needs the old values is refused
    }
    run_post_hooks();
  }
  loss_scale_.after_step(safe);
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) slot.parameter->clear_grad();
  }
}

std::vector<Optimizer::Piece> Optimizer::pieces(const ParameterArena& arena, const ArenaState& state,
                                                std::int64_t begin, std::int64_t end) {
  std::vector<Piece> found;
  for (const ArenaWindow& window : state.windows) {
    const std::int64_t first = std::max(begin, window.begin), last = std::min(end, window.end);
    if (first >= last) continue;
    const std::int64_t offset = window.offset + first - window.begin;
    found.push_back({.begin = first,
                     .end = last,
                     .gradients = arena.gradients
                                      ? arena.gradients.slice(0, {.start = first, .stop = last})
                                      : state.gradients.slice(0, {.start = offset, .stop = offset + last - first}),
                     .offset = offset});
  }
  return found;
}

Array Optimizer::sum_of_squares() const {
  std::vector<std::vector<Array>> of_devices;  // a kernel takes those of one
  Device device;
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    device = arenas_[a].values.device();
    for (const ParameterArena::Slot& slot : arenas_[a].slots) {
      if (!slot.parameter->update_enabled) continue;
      for (const Piece& piece : pieces(arenas_[a], states_[a], slot.offset, slot.offset + slot.size)) {
        beside(of_devices, piece.gradients).push_back(piece.gradients);
      }
    }
  }
  const Array squares = of_devices.empty() ? zeros({1}, Dtype::kFloat64, device) : total_of_squares(of_devices);
  return shards_ ? shards_->sum(squares) : squares;
}

bool Optimizer::is_safe_to_update() const { return std::isfinite(sum_of_squares().item<double>()); }

/// The factor of the gradients, whose loss scale is divided out by `unscale`.
double Optimizer::clip_scale(double unscale) const {
  if (common_.clip_norm <= 0) return unscale;
  return kernels::formulas::gradient_factor(sum_of_squares().item<double>(), unscale, common_.clip_norm);
}

void Optimizer::start_update() {
  ++t_;
  // Now, and not when a part is written: new graphs may need others of the same buffer by then.
  for (const ParameterArena& arena : arenas_) arena.values.buffer()->note_write();
}

std::function<void()> Optimizer::start_slots(std::size_t a, std::size_t first, std::size_t last) {
  std::vector<bool> enabled;
  for (std::size_t s = first; s < last; ++s) enabled.push_back(arenas_[a].slots[s].parameter->update_enabled);
  return [this, a, first, enabled = std::move(enabled), rate = lr(),
          of_slots = ranges(a, first, last, 1 / loss_scale_.value(), /*control=*/nullptr)]() mutable {
    const double later = lr();
    set_lr(rate);
    update_ranges(a, of_slots);
    set_lr(later);
    for (std::size_t i = 0; i < enabled.size(); ++i) {
      if (enabled[i]) ++states_[a].t[first + i];
      arenas_[a].slots[first + i].parameter->clear_grad();
    }
  };
}

void Optimizer::update_ranges(std::size_t a, std::vector<Range>& ranges) {
  if (scope() == Scope::kNorms) measure(a, ranges);
  for (const Range& range : ranges) {
    for_each_wide(range, [&](const Range& wide) { update_range(wide); });
  }
}

void Optimizer::update_arena(std::size_t a, std::size_t first_slot, std::size_t last_slot, double gradient_scale,
                             const double* control) {
  std::vector<Range> of_slots = ranges(a, first_slot, last_slot, gradient_scale, control);
  update_ranges(a, of_slots);
  for (std::size_t s = first_slot; s < last_slot; ++s) {
    if (arenas_[a].slots[s].parameter->update_enabled) ++states_[a].t[s];
  }
}

std::vector<Optimizer::Range> Optimizer::ranges(std::size_t a, std::size_t first_slot, std::size_t last_slot,
                                                double gradient_scale, const double* control) const {
  const ParameterArena& arena = arenas_[a];
  const ArenaState& state = states_[a];
  const auto& slots = arena.slots;
  const bool one_by_one = scope() != Scope::kElement;
  std::vector<Range> found;
  for (std::size_t first = first_slot; first < last_slot;) {
    const Parameter& settings = *slots[first].parameter;
    const auto alike = [&](std::size_t s) {
      const Parameter& other = *slots[s].parameter;
      return other.update_enabled == settings.update_enabled && other.lr_scale == settings.lr_scale &&
             other.weight_decay_scale == settings.weight_decay_scale && state.t[s] == state.t[first];
    };
    std::size_t last = first + 1;
    while (!one_by_one && last < last_slot && alike(last)) ++last;
    if (settings.update_enabled) {
      // The gap behind the last slot comes along: it holds zeros, and no vector loop then has a tail.
      const std::int64_t end = one_by_one            ? slots[first].offset + slots[first].size
                               : last < slots.size() ? slots[last].offset
                                                     : arena.values.size();
      for (const Piece& piece : pieces(arena, state, slots[first].offset, end)) {
        Range range{.values = arena.values.slice(0, {.start = piece.begin, .stop = piece.end}),
                    .gradients = piece.gradients,
                    .state = {},
                    .lr_scale = settings.lr_scale,
                    .weight_decay = common_.weight_decay * settings.weight_decay_scale,
                    .decay_scale = settings.weight_decay_scale,
                    .gradient_scale = gradient_scale,
                    .t = state.t[first] + 1,
                    .control = control,
                    .slot = one_by_one ? &slots[first] : nullptr};
        const Slice kept{.start = piece.offset, .stop = piece.offset + piece.end - piece.begin};
        for (const Array& array : state.state) range.state.push_back(array.slice(0, kept));
        found.push_back(std::move(range));
      }
    }
    first = last;
  }
  return found;
}

void Optimizer::measure(std::size_t a, std::vector<Range>& ranges) {
  std::vector<double> sums(2 * arenas_[a].slots.size());
  const auto sums_of = [&](const Range& range) {
    return &sums[2 * static_cast<std::size_t>(range.slot - arenas_[a].slots.data())];
  };
  for (const Range& range : ranges) {
    for_each_wide(range, [&](const Range& wide) {
      const std::array<double, 2> more = measure_range(wide);
      sums_of(range)[0] += more[0];
      sums_of(range)[1] += more[1];
    });
  }
  if (shards_) {
    const Array mine = array(sums, {static_cast<std::int64_t>(sums.size())});
    sums = to_vector<double>(shards_->sum(mine.to(arenas_[a].values.device())));
  }
  for (Range& range : ranges) range.sums = {sums_of(range)[0], sums_of(range)[1]};
}

std::array<double, 2> Optimizer::measure_range(const Range&) { return {}; }

/// Stretch by stretch, so that the widened gradients stay in the cache; a GPU wants much to do at once instead.
template <class Act>
void Optimizer::for_each_wide(const Range& range, const Act& act) const {
  if (!is_half(range.values.dtype())) {
    act(range);
    return;
  }
  const std::int64_t size = range.values.size();
  const std::int64_t many = std::int64_t{1} << (range.values.device().kind == DeviceKind::kCpu ? 17 : 24);
  const std::int64_t stretch = scope() == Scope::kParameter ? size : std::min(size, many);
  const bool is_wide = range.gradients.dtype() == Dtype::kFloat32;  // hooks have seen it
  const Array widened = is_wide ? Array() : empty({stretch}, Dtype::kFloat32, range.values.device());
  for (std::int64_t begin = 0; begin < size; begin += stretch) {
    const Slice part{.start = begin, .stop = std::min(size, begin + stretch)};
    const Array values = range.values.slice(0, part);
    Range wide = range;
    for (Array& state : wide.state) state = state.slice(0, part);
    wide.values = std::move(wide.state.back());
    wide.state.pop_back();
    kernels::adopt_values(wide.values, values);
    wide.gradients = range.gradients.slice(0, part);
    if (!is_wide) {
      const Array narrow = std::exchange(wide.gradients, widened.slice(0, {.stop = values.size()}));
      wide.gradients.copy_from(narrow);
    }
    act(wide);
    kernels::copy(values, wide.values);
  }
}

}  // namespace rensa
