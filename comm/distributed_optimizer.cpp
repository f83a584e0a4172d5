#include "comm/distributed_optimizer.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "comm/communicators/pure_nccl_communicator.h"
#include "comm/gradients/carried_updates.h"
#include "comm/gradients/compression/gradient_compression.h"
#include "comm/sharding/zero_shards.h"
#include "core/error.h"
#include "core/optimizers/present_parameters.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

/// What another rank must know of an array to make one like it.
nlohmann::json form_of(const Array& array) {
  return {{"dtype", static_cast<int>(array.dtype())},
          {"shape", std::vector<std::int64_t>(array.shape().begin(), array.shape().end())}};
}
Array zeros_of(const nlohmann::json& form, Device device) {
  const auto shape = form.at("shape").get<std::vector<std::int64_t>>();
  return zeros(Shape(std::span<const std::int64_t>(shape)), static_cast<Dtype>(form.at("dtype").get<int>()), device);
}

void check_carries_gradients(const Communicator& comm, Link& model) {
  for (const Parameter* p : model.parameters()) {
    const Array& values = p->array();
    if (!values || !is_floating(values.dtype())) continue;
    PureNcclCommunicator::check_carries(comm.name(), values.device(), detail::join("a parameter of ", values.shape()));
  }
}

}  // namespace

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
  for (const std::string& hook : inner_->hook_names()) check_takes_hook(hook, inner_->hook_timing(hook));
  if (inner_->has_dynamic_loss_scale()) check_takes_dynamic_loss_scale();
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

void DistributedOptimizer::check_takes_dynamic_loss_scale() const {
  if (options_.carry_over || options_.double_buffering) {
    throw ValueError(
        "a dynamic loss scale and ", options_.carry_over ? "carry_over" : "double_buffering",
        " exclude each other: a step is skipped when its gradients are not finite, which is known when the "
        "last one has arrived. Use set_loss_scale(), or leave one of them out.");
  }
  if (options_.compression) {
    throw ValueError("a dynamic loss scale and compression exclude each other: of a step that is skipped because its ",
                     "gradients are not finite, ", options_.compression->name(),
                     " would keep a part for the steps to come. Use set_loss_scale(), or leave one of them out.");
  }
}

void DistributedOptimizer::loss_scaling(std::int64_t interval) {
  check_takes_dynamic_loss_scale();
  inner_->loss_scaling(interval);
}

bool DistributedOptimizer::is_safe_to_update() const {
  if (carried_) carried_->settle();
  reducer_.wait();
  return inner_->is_safe_to_update();
}

double DistributedOptimizer::waited_in_reads() const { return carried_ ? carried_->waited_in_reads() : 0; }

const WaitLog& DistributedOptimizer::gathers() const {
  static const WaitLog kNone;
  return shards_ ? shards_->waits() : kNone;
}

std::vector<Wait> DistributedOptimizer::waits_since(Wait::Clock::time_point time) const {
  std::vector<Wait> waits = reducer_.waits().since(time);
  for (const Wait& wait : gathers().since(time)) waits.push_back(wait);
  return waits;
}

Array DistributedOptimizer::state(const std::string& name, const Parameter& p) {
  settle();
  return inner_->state(name, p);
}

void DistributedOptimizer::setup(Link& model) {
  settle();
  reducer_.detach();
  order_.clear();
  persistents_.clear();
  known_.clear();
  has_mean_ = false;
  // before there are arenas: all ranks are to lay out the same
  if (comm_.size() > 1) give_parameter_shapes_to_all(model);
  check_carries_gradients(comm_, model);
  inner_->setup(model);
  take_in_newcomers();
}

void DistributedOptimizer::attach() {
  const auto present = present_parameters(model());
  std::erase_if(order_, [&](const Parameter* parameter) { return !present.contains(parameter); });
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

// Rank 0's values go to all ranks. Those that it does not have yet, since they take their shape from data, are asked
// for again in each update until it has.
void DistributedOptimizer::broadcast_new_persistents() {
  std::vector<Array*> open;
  std::vector<const Array*> known;
  for (const Link::NamedPersistent& persistent : model().named_persistents()) {
    const bool is_known = std::find(persistents_.begin(), persistents_.end(), persistent.array) != persistents_.end();
    is_known ? known.push_back(persistent.array) : open.push_back(persistent.array);
  }
  persistents_ = std::move(known);
  has_open_persistents_ = false;
  if (open.empty()) return;
  nlohmann::json forms = nlohmann::json::array();  // null: none yet
  for (const Array* array : open) forms.push_back(*array ? form_of(*array) : nlohmann::json());
  const nlohmann::json of_root = nlohmann::json::parse(comm_.broadcast_bytes(forms.dump(), /*root=*/0));
  check_same_count("persistent values", open.size(), of_root.size());
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (of_root[i].is_null()) {
      has_open_persistents_ = true;
      continue;
    }
    if (!*open[i]) *open[i] = zeros_of(of_root[i], model().device());
    comm_.broadcast(*open[i], /*root=*/0);
    persistents_.push_back(open[i]);
  }
}

bool DistributedOptimizer::set_accumulating(bool accumulating) {
  const bool before = reducer_.accumulating();
  reducer_.set_accumulating(accumulating);
  return before;
}

void DistributedOptimizer::check_takes_hook(const std::string& name, HookTiming timing) const {
  const bool is_early = timing == HookTiming::kPre;
  if (!options_.carry_over && !(shards_ && is_early)) return;
  throw ValueError("the hook \"", name, "\" would see ", is_early ? "gradients" : "new parameters",
                   " of which a part alone is there. Leave ", shards_ ? "zero" : "carry_over", " out.");
}

void DistributedOptimizer::add_hook(std::string name, Hook hook, HookTiming timing) {
  check_takes_hook(name, timing);
  inner_->add_hook(std::move(name), std::move(hook), timing);
}

void DistributedOptimizer::update() {
  if (reducer_.accumulating())
    throw GraphError("update() inside a NoSync scope: the gradients have not left. Close it first.");
  settle();
  gathered_before_ = gathers().bytes();
  if (carried_) check_options(options_, inner_->common().clip_norm);
  const bool newcomers = has_newcomers();
  if (carried_ && !newcomers && !order_.empty()) return carried_->carry();
  if (options_.double_buffering) {
    exchange(newcomers);
  } else {
    reducer_.finish();
    if (newcomers) take_in_newcomers_with_gradients();
    apply();
  }
  // Who has just come was in nobody's order: the next backward tells it.
  if (!newcomers && order_.empty() && !arenas().empty()) cut_in_observed_order();
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
  if (comm_.size() > 1) give_parameter_shapes_to_all(model());
  if (has_open_persistents_) broadcast_new_persistents();
}

void DistributedOptimizer::give_parameter_shapes_to_all(Link& model) {
  std::vector<Parameter*> open;  // not by the arenas, which may have taken in what one rank alone has met
  std::unordered_set<const Parameter*> met;
  for (Parameter* parameter : model.parameters()) {
    if (!knows(*parameter) && met.insert(parameter).second) open.push_back(parameter);
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
    check_same_count("parameters", open.size(), theirs.size());
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (theirs[i].is_null() || open[i]->is_initialized()) continue;
      const auto axes = theirs[i].get<std::vector<std::int64_t>>();
      open[i]->initialize(Shape(std::span<const std::int64_t>(axes)));
    }
  }
}

/// Whether parameters have come or gone, or lie elsewhere. A call on all ranks together, and the same answer on all.
bool DistributedOptimizer::has_newcomers() {
  give_shapes_to_all();
  return !inner_->arenas_are_current() || arenas_moved();
}

bool DistributedOptimizer::knows(const Parameter& parameter) const {
  const auto found = known_.find(&parameter);
  if (found == known_.end() || !found->second.variable.is(parameter)) return false;
  return parameter.is_initialized() && parameter.shape() == found->second.shape;
}

/// The one way in: a place in the arenas, rank 0's values, and a way for the gradients. Returns those that are new.
std::vector<Parameter*> DistributedOptimizer::take_in_newcomers() {
  reducer_.detach();
  const std::unordered_map<const Parameter*, Array> means = copy_travelling();
  inner_->join_parameters();
  std::vector<Parameter*> joined;
  for (const ParameterArena& arena : arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) {
      if (!knows(*slot.parameter)) joined.push_back(slot.parameter);
    }
  }
  if (!joined.empty()) order_.clear();  // to be observed anew
  travelling_.clear();
  attach();  // says which parameters differ between ranks, if they do
  broadcast_values(joined);
  broadcast_new_persistents();
  known_.clear();
  for (std::size_t a = 0; a < arenas().size(); ++a) {
    for (const ParameterArena::Slot& slot : arenas()[a].slots) {
      known_.emplace(slot.parameter, Known{slot.variable, slot.shape});
      const auto mean = means.find(slot.parameter);
      if (mean == means.end() || mean->second.shape() != slot.shape) continue;
      ParameterArena::view(travelling_[a], slot).copy_from(mean->second);
    }
  }
  return joined;
}

void DistributedOptimizer::broadcast_values(const std::vector<Parameter*>& joined) const {
  const std::unordered_set<const Parameter*> new_ones(joined.begin(), joined.end());
  for (const ParameterArena& arena : arenas()) {
    const bool all = std::all_of(arena.slots.begin(), arena.slots.end(),
                                 [&](const ParameterArena::Slot& slot) { return new_ones.contains(slot.parameter); });
    if (all) comm_.broadcast(arena.values, /*root=*/0);
    for (const ParameterArena::Slot& slot : arena.slots) {
      if (!all && new_ones.contains(slot.parameter)) comm_.broadcast(slot.parameter->array(), /*root=*/0);
    }
  }
}

/// The step that first sees them uses the mean of their gradients, too, which were in no bucket.
void DistributedOptimizer::take_in_newcomers_with_gradients() {
  if (shards_) gather_mean_gradients();
  const std::vector<Parameter*> joined = take_in_newcomers();
  const Array users = zeros({static_cast<std::int64_t>(joined.size())}, Dtype::kInt32);  // ranks that have a gradient
  for (std::size_t i = 0; i < joined.size(); ++i) users.data<std::int32_t>()[i] = joined[i]->grad() ? 1 : 0;
  if (!options_.zero_fill && !joined.empty()) comm_.all_reduce(users);
  for (std::size_t i = 0; i < joined.size(); ++i) {
    Parameter& parameter = *joined[i];
    const Array gradient =
        parameter.grad() ? parameter.grad().copy() : zeros(parameter.shape(), parameter.dtype(), parameter.device());
    reducer_.take_mean(gradient);
    parameter.set_grad(Variable(gradient));
    if (!options_.zero_fill && users.data<std::int32_t>()[i] == 0) reducer_.note_unused(&parameter);
  }
  for (const ParameterArena& arena : arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) ParameterArena::complete_gradient(slot);
  }
  if (shards_) inner_->collect_shard_gradients();
}

std::vector<Parameter*> DistributedOptimizer::join_parameters() {
  settle();
  return has_newcomers() ? take_in_newcomers() : std::vector<Parameter*>();
}

void DistributedOptimizer::check_same_count(const char* what, std::size_t mine, std::size_t theirs) const {
  if (mine == theirs) return;
  throw CommError("the model differs between ranks: rank ", comm_.rank(), " has ", mine, " new ", what,
                  ", another rank ", theirs,
                  ". Build the same model on every rank, and add links on every rank alike.");
}

/// Every parameter gets the whole mean of its gradient, of which its rank had a part.
void DistributedOptimizer::gather_mean_gradients() {
  const auto present = present_parameters(model());
  for (std::size_t a = 0; a < arenas().size(); ++a) {
    const ParameterArena& arena = arenas()[a];
    Array all = arena.gradients;
    if (all) {
      shards_->gather_in_place(arena, all);
    } else {
      all = shards_->gather(arena, inner_->shard_gradients(a));
    }
    for (const ParameterArena::Slot& slot : arena.slots) {
      if (!slot.is_among(present) || slot.parameter->shape() != slot.shape) continue;
      slot.parameter->set_grad(Variable(ParameterArena::view(all, slot)));
    }
  }
}

// The gradients of this step leave; those of the step before have arrived and are applied.
void DistributedOptimizer::exchange(bool newcomers) {
  reducer_.finish_started();
  if (newcomers) take_in_newcomers();
  reducer_.complete_gradients();
  inner_->exchange_gradients(travelling_);
  reducer_.start(travelling_);
  const double scale = inner_->loss_scale();
  if (has_mean_) {
    const bool changed = mean_scale_ != scale;
    if (changed) inner_->set_loss_scale(mean_scale_);
    apply();
    if (changed) inner_->set_loss_scale(scale);
  } else {
    model().clear_grads();
  }
  has_mean_ = true;
  mean_scale_ = scale;
}

/// Double buffering: the gradients that have travelled, of the parameters that are still there.
std::unordered_map<const Parameter*, Array> DistributedOptimizer::copy_travelling() const {
  std::unordered_map<const Parameter*, Array> copies;
  if (!has_mean_ || arenas_moved()) return copies;
  const auto present = present_parameters(model());
  for (std::size_t a = 0; a < travelling_.size(); ++a) {
    for (const ParameterArena::Slot& slot : arenas()[a].slots) {
      if (slot.is_among(present)) copies[slot.parameter] = ParameterArena::view(travelling_[a], slot).copy();
    }
  }
  return copies;
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
  reducer_.detach();
  inner_->lay_out(order);
  attach();
}

void DistributedOptimizer::serialize(Serializer& serializer) {
  settle();
  if (options_.double_buffering) reducer_.finish_started();
  // What has got its shape in an evaluation, or from a file: the wrapped optimizer would take it in on this rank alone.
  if (has_newcomers()) take_in_newcomers();
  inner_->serialize(serializer);
  serialize_order(serializer);
  if (!options_.double_buffering || !serializer.has("has_mean")) return;
  serializer("has_mean", has_mean_);
  if (!has_mean_) return;
  if (serializer.is_loading()) mean_scale_ = inner_->loss_scale();  // of snapshots that do not say it
  if (serializer.has("mean_loss_scale")) serializer("mean_loss_scale", mean_scale_);
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
