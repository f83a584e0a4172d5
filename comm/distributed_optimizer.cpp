#include "comm/distributed_optimizer.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "comm/gradients/carried_updates.h"
#include "comm/sharding/zero_shards.h"
#include "core/error.h"
#include "core/serializers/serializer.h"

namespace rensa {

DistributedOptimizer::DistributedOptimizer(std::unique_ptr<Optimizer> inner, Communicator& comm,
                                           const ReducerOptions& options)
    : inner_(std::move(inner)),
      comm_(comm),
      options_(options),
      shards_(options.zero > 0 && comm.size() > 1 ? std::make_shared<ZeroShards>(comm, options) : nullptr),
      reducer_(comm, options) {
  const ArenaAllocator shared = [&comm](std::int64_t count, Dtype dtype, Device device) {
    return device.kind == DeviceKind::kCpu ? comm.allocate_shared(count, dtype) : zeros({count}, dtype, device);
  };
  const ArenaAllocator own = [](std::int64_t count, Dtype dtype, Device device) {
    return zeros({count}, dtype, device);
  };
  const ArenaAllocator none = [](std::int64_t, Dtype, Device) { return Array(); };
  inner_->set_arena_allocators(shards_ ? shared : own, shards_ && options.zero == 2 ? none : shared);
  if (shards_) inner_->set_shards(shards_);
  if (options.carry_over && comm.size() > 1) carried_ = std::make_unique<CarriedUpdates>(reducer_, *inner_, comm);
  check_options(options_, inner_->common().clip_norm);
}

DistributedOptimizer::~DistributedOptimizer() {
  if (std::uncaught_exceptions() > 0) return;  // the others may be gone
  try {
    settle();
  } catch (...) {  // NOLINT(bugprone-empty-catch): whoever calls next on the communicator is told
  }
}

void DistributedOptimizer::settle() {
  if (carried_) carried_->settle();
}

CommonOptions& DistributedOptimizer::common() {
  settle();  // what is under way was begun with the present ones
  return inner_->common();
}

void DistributedOptimizer::loss_scaling(std::int64_t interval) {
  if (options_.carry_over || options_.double_buffering) {
    throw ValueError(
        "a dynamic loss scale and ", options_.carry_over ? "carry_over" : "double_buffering",
        " exclude each other: a step is skipped when its gradients are not finite, which is known when the "
        "last one has arrived. Use set_loss_scale(), or leave one of them out.");
  }
  inner_->loss_scaling(interval);
}

Array DistributedOptimizer::state(const std::string& name, const Parameter& p) {
  settle();
  return inner_->state(name, p);
}

void DistributedOptimizer::setup(Link& model) {
  settle();
  inner_->setup(model);
  order_.clear();
  persistents_.clear();
  travelling_.clear();
  has_mean_ = false;
  attach();
  for (const ParameterArena& arena : inner_->arenas()) comm_.broadcast(arena.values, /*root=*/0);
  broadcast_new_persistents();
}

void DistributedOptimizer::attach() {
  reducer_.attach(*inner_, order_);
  if (carried_) carried_->forget();
  attached_.clear();
  for (const ParameterArena& arena : inner_->arenas()) attached_.push_back(arena.values.raw_data());
  if (!options_.double_buffering || arenas().empty() || !travelling_.empty()) return;
  for (const ParameterArena& arena : inner_->arenas()) {
    travelling_.push_back(arena.gradients.device().kind == DeviceKind::kCpu
                              ? comm_.allocate_shared(arena.gradients.size(), arena.gradients.dtype())
                              : zeros_like(arena.gradients));
  }
}

bool DistributedOptimizer::arenas_moved() const {
  const auto& arenas = inner_->arenas();
  if (arenas.size() != attached_.size()) return true;
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    if (arenas[i].values.raw_data() != attached_[i]) return true;
  }
  return false;
}

void DistributedOptimizer::broadcast_new_persistents() {
  for (const Link::NamedPersistent& persistent : model().named_persistents()) {
    if (std::find(persistents_.begin(), persistents_.end(), persistent.array) != persistents_.end()) continue;
    comm_.broadcast(*persistent.array, /*root=*/0);
    persistents_.push_back(persistent.array);
  }
}

void DistributedOptimizer::set_accumulating(bool accumulating) { reducer_.set_accumulating(accumulating); }

void DistributedOptimizer::add_hook(std::string name, Hook hook) {
  if (shards_ || options_.carry_over) {
    throw ValueError("the hook \"", name, "\" would see gradients of which a part alone is there. Leave ",
                     shards_ ? "zero" : "carry_over", " out.");
  }
  inner_->add_hook(std::move(name), std::move(hook));
}

void DistributedOptimizer::update() {
  if (reducer_.accumulating())
    throw GraphError("update() inside a NoSync scope: the gradients have not left. Close it first.");
  settle();
  if (carried_) {
    check_options(options_, inner_->common().clip_norm);
    give_shapes_to_all();
    if (!order_.empty() && inner_->arenas_are_current()) return carried_->carry();
  }
  if (options_.double_buffering) {
    exchange();
  } else {
    reducer_.finish();
    take_in_new_parameters();
    apply();
  }
  if (order_.empty() && !arenas().empty()) cut_in_observed_order();
}

void DistributedOptimizer::apply() {
  std::vector<Parameter*> left_alone;
  for (Parameter* parameter : reducer_.unused()) {
    parameter->clear_grad();
    if (parameter->update_enabled) left_alone.push_back(parameter);
  }
  for (Parameter* parameter : left_alone) parameter->update_enabled = false;
  inner_->update();
  for (Parameter* parameter : left_alone) parameter->update_enabled = true;
  if (!shards_) return;
  for (const ParameterArena& arena : inner_->arenas()) shards_->gather_in_place(arena, arena.values);
}

// Parameters that have no shape yet are known to all ranks, so that all of them know when to ask who has given them
// one: a small round more in each update, until all have.
void DistributedOptimizer::give_shapes_to_all() {
  if (comm_.size() == 1) return;
  std::vector<Parameter*> open;  // those that no arena has
  std::unordered_set<const Parameter*> known;
  for (const ParameterArena& arena : arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) known.insert(slot.parameter);
  }
  for (Parameter* parameter : model().parameters()) {
    if (known.insert(parameter).second) open.push_back(parameter);
  }
  if (open.empty()) return;
  nlohmann::json shapes = nlohmann::json::array();  // null: none yet
  for (const Parameter* parameter : open) {
    shapes.push_back(nullptr);
    if (!parameter->is_initialized()) continue;
    shapes.back() = std::vector<std::int64_t>(parameter->shape().begin(), parameter->shape().end());
  }
  for (const std::string& text : comm_.all_gather_bytes(shapes.dump())) {
    const nlohmann::json theirs = nlohmann::json::parse(text);
    if (theirs.size() != open.size()) {
      throw CommError("the model differs between ranks: rank ", comm_.rank(), " has ", open.size(),
                      " new parameters, another rank ", theirs.size(), ". Add links on every rank alike.");
    }
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (theirs[i].is_null() || open[i]->is_initialized()) continue;
      const auto axes = theirs[i].get<std::vector<std::int64_t>>();
      open[i]->initialize(Shape(std::span<const std::int64_t>(axes)));
    }
  }
}

void DistributedOptimizer::take_in_new_parameters() {
  give_shapes_to_all();
  if (inner_->arenas_are_current()) return;
  if (shards_) gather_mean_gradients();
  const std::vector<Parameter*> joined = inner_->join_parameters();
  for (Parameter* parameter : joined) {
    comm_.broadcast(parameter->array(), /*root=*/0);
    const Array gradient = parameter->grad() ? parameter->grad().copy()
                                             : zeros(parameter->shape(), parameter->dtype(), parameter->device());
    reducer_.take_mean(gradient);
    parameter->set_grad(Variable(gradient));
  }
  for (const ParameterArena& arena : arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) ParameterArena::complete_gradient(slot);
  }
  if (shards_) inner_->collect_shard_gradients();
  broadcast_new_persistents();
  if (!joined.empty()) order_.clear();  // to be observed anew
  travelling_.clear();
  attach();
}

/// Every parameter gets the whole mean of its gradient, of which its rank had a part.
void DistributedOptimizer::gather_mean_gradients() {
  for (std::size_t a = 0; a < arenas().size(); ++a) {
    const ParameterArena& arena = arenas()[a];
    Array all = arena.gradients;
    if (all) {
      shards_->gather_in_place(arena, all);
    } else {
      all = shards_->gather(arena, inner_->shard_gradients(a));
    }
    for (const ParameterArena::Slot& slot : arena.slots)
      slot.parameter->set_grad(Variable(ParameterArena::view(all, slot)));
  }
}

// The gradients of this step leave; those of the step before have arrived and are applied.
void DistributedOptimizer::exchange() {
  reducer_.finish_started();
  reducer_.complete_gradients();
  give_shapes_to_all();
  if (!inner_->arenas_are_current()) {
    std::unordered_map<const Parameter*, Array> means;
    for (std::size_t a = 0; a < arenas().size() && has_mean_; ++a) {
      for (const auto& slot : arenas()[a].slots)
        means[slot.parameter] = ParameterArena::view(travelling_[a], slot).copy();
    }
    for (Parameter* parameter : inner_->join_parameters()) comm_.broadcast(parameter->array(), /*root=*/0);
    broadcast_new_persistents();
    travelling_.clear();
    attach();
    for (std::size_t a = 0; a < arenas().size(); ++a) {
      for (const auto& slot : arenas()[a].slots) {
        const auto mean = means.find(slot.parameter);
        if (mean != means.end()) ParameterArena::view(travelling_[a], slot).copy_from(mean->second);
      }
    }
    reducer_.complete_gradients();
  }
  inner_->exchange_gradients(travelling_);
  reducer_.start(travelling_);
  if (has_mean_) {
    apply();
  } else {
    model().clear_grads();
  }
  has_mean_ = true;
}

void DistributedOptimizer::cut_in_observed_order() {
  if (comm_.size() == 1) return;
  if (options_.double_buffering) {  // all buckets leave at once: one order is as good as another
    for (const ParameterArena& arena : arenas()) {
      for (const ParameterArena::Slot& slot : arena.slots) order_.push_back(slot.parameter);
    }
  } else {
    lay_out(reducer_.observed_order());
  }
  reducer_.start_compressing();
}

void DistributedOptimizer::lay_out(const std::vector<Parameter*>& order) {
  order_ = order;
  inner_->lay_out(order);
  attach();
}

void DistributedOptimizer::serialize(Serializer& serializer) {
  settle();
  if (options_.double_buffering) reducer_.finish_started();
  inner_->serialize(serializer);
  serialize_order(serializer);
  if (arenas_moved()) {  // loading gave parameters their shapes
    travelling_.clear();
    attach();
  }
  if (!options_.double_buffering || !serializer.has("has_mean")) return;
  serializer("has_mean", has_mean_);
  if (!has_mean_) return;
  std::unordered_map<const Parameter*, std::string> paths;
  for (const Link::NamedParameter& named : model().named_parameters()) paths[named.parameter] = named.path;
  for (std::size_t a = 0; a < arenas().size(); ++a) {
    for (const ParameterArena::Slot& slot : arenas()[a].slots) {
      Array mean = ParameterArena::view(travelling_[a], slot);
      serializer(paths.at(slot.parameter) + "/mean_gradient", mean);
    }
  }
}

void DistributedOptimizer::serialize_order(Serializer& serializer) {
  if (options_.double_buffering || comm_.size() == 1) return;
  if (serializer.is_loading() ? !serializer.has("gradient_order") : order_.empty()) return;
  const std::vector<Parameter*> parameters = model().parameters();
  Array numbers;
  if (!serializer.is_loading()) {
    numbers = empty({static_cast<std::int64_t>(order_.size())}, Dtype::kInt64);
    std::transform(order_.begin(), order_.end(), numbers.data<std::int64_t>(), [&](const Parameter* parameter) {
      return std::find(parameters.begin(), parameters.end(), parameter) - parameters.begin();
    });
  }
  serializer("gradient_order", numbers);
  if (!serializer.is_loading()) return;
  std::vector<Parameter*> order;
  for (const std::int64_t number : to_vector<std::int64_t>(numbers)) {
    const auto index = static_cast<std::size_t>(number);
    if (number < 0 || index >= parameters.size() || !parameters[index]->is_initialized()) {
      throw FileError("gradient_order: parameter number ", number, " is not among the ", parameters.size(),
                      " of this model. The snapshot is another model's.");
    }
    order.push_back(parameters[index]);
  }
  lay_out(order);
  reducer_.start_compressing();
}

}  // namespace rensa
