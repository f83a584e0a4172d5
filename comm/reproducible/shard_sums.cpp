#include "comm/reproducible/shard_sums.h"

#include <algorithm>

#include "comm/distributed_optimizer.h"
#include "comm/model_data.h"
#include "comm/reproducible/tree_all_reduce.h"
#include "core/error.h"
#include "core/kernels/memory.h"
#include "core/links/batch_normalization.h"

namespace rensa {
namespace {

void check_is_plain(const Optimizer& optimizer) {
  if (!dynamic_cast<const DistributedOptimizer*>(&optimizer)) return;
  throw ValueError("reproducible: the optimizer is a DistributedOptimizer around ", optimizer.name(),
                   ", which would average what is summed already. Give it the optimizer itself; the updater sums.");
}

void check_keeps_statistics_apart(Link& model) {
  for (const Link::NamedLink& named : model.named_links()) {
    const auto* normalization = dynamic_cast<const BatchNormalization*>(named.link);
    if (!normalization || !normalization->reducer()) continue;
    throw ValueError("reproducible: the batch normalization ", named.path, " takes its statistics over all ranks, ",
                     "whose shards are others on another number of ranks. Leave share_batch_statistics() out.");
  }
}

}  // namespace

ShardSums::ShardSums(Link& model, Optimizer& optimizer, Communicator& comm, int shards)
    : model_(model), optimizer_(optimizer), comm_(comm), range_(shard_range(shards, comm)) {
  check_is_plain(optimizer);
  check_keeps_statistics_apart(model);
  for (const Link::NamedParameter& named : model.named_parameters()) {
    if (!named.parameter->is_initialized()) {
      throw GraphError("reproducible: the parameter ", named.path,
                       " has no shape yet. Initialise it before the first step.");
    }
  }
  for (const Link::NamedPersistent& named : model.named_persistents()) {
    if (*named.array) continue;
    throw GraphError("reproducible: ", named.path,
                     " has no shape yet. Run the model once before the first step, or give its size.");
  }
  for (const ParameterArena& arena : optimizer.arenas()) {
    comm.broadcast(arena.values, /*root=*/0);
    arenas_.push_back(arena.gradients.raw_data());
  }
  for (const Link::NamedPersistent& named : model.named_persistents()) {
    comm.broadcast(*named.array, /*root=*/0);
    const bool floating = is_floating(named.array->dtype());
    (floating ? floating_ : whole_).push_back(named.array);
    if (floating) floating_size_ += named.array->size();
  }
}

void ShardSums::check_arenas() const {
  const auto& arenas = optimizer_.arenas();
  bool same = arenas.size() == arenas_.size();
  for (std::size_t i = 0; same && i < arenas.size(); ++i) same = arenas[i].gradients.raw_data() == arenas_[i];
  if (!same) throw GraphError("reproducible: parameters were added to the model, or moved, after the first step.");
}

void ShardSums::begin_step() {
  check_arenas();
  before_.clear();
  for (const Array* array : floating_) before_.push_back(array->copy());
  counts_.clear();
  for (const Array* array : whole_) {
    before_.push_back(array->copy());
    for (const std::int64_t value : to_vector<std::int64_t>(*array)) counts_.push_back(value);
  }
  branches_.clear();
}

ShardSums::Branch ShardSums::take_buffer() {
  if (free_.empty()) {
    Branch branch;
    for (const ParameterArena& arena : optimizer_.arenas()) branch.gradients.push_back(zeros_like(arena.gradients));
    branch.persistents = empty({floating_size_}, Dtype::kFloat64);
    return branch;
  }
  Branch branch = std::move(free_.back());
  free_.pop_back();
  branch.level = 0;
  return branch;
}

void ShardSums::send_gradients_to(const Branch& branch) {
  const auto& arenas = optimizer_.arenas();
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    for (const ParameterArena::Slot& slot : arenas[a].slots) {
      slot.parameter->clear_grad();
      slot.parameter->set_grad_destination(ParameterArena::view(branch.gradients[a], slot));
    }
  }
}

void ShardSums::begin_shard() {
  if (branches_.empty()) {  // the first one works where the sum is to lie
    Branch root;
    for (const ParameterArena& arena : optimizer_.arenas()) root.gradients.push_back(arena.gradients);
    root.persistents = empty({floating_size_}, Dtype::kFloat64);
    branches_.push_back(std::move(root));
  } else {
    branches_.push_back(take_buffer());
  }
  send_gradients_to(branches_.back());
  for (std::size_t i = 0; i < floating_.size(); ++i) floating_[i]->copy_from(before_[i]);
  for (std::size_t i = 0; i < whole_.size(); ++i) whole_[i]->copy_from(before_[floating_.size() + i]);
}

void ShardSums::end_shard(double share) {
  for (const ParameterArena& arena : optimizer_.arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) ParameterArena::complete_gradient(slot);
  }
  double* to = branches_.back().persistents.data<double>();
  for (const Array* array : floating_) {
    for (const double value : to_vector<double>(*array)) *to++ = share * value;
  }
  auto largest = counts_.begin();
  for (const Array* array : whole_) {
    for (const std::int64_t value : to_vector<std::int64_t>(*array)) {
      *largest = std::max(*largest, value);
      ++largest;
    }
  }
  while (branches_.size() > 1 && branches_.back().level == branches_[branches_.size() - 2].level) merge_last_two();
}

void ShardSums::merge_last_two() {
  Branch right = std::move(branches_.back());
  branches_.pop_back();
  Branch& left = branches_.back();
  for (std::size_t a = 0; a < left.gradients.size(); ++a) kernels::accumulate(left.gradients[a], right.gradients[a]);
  if (floating_size_ > 0) kernels::accumulate(left.persistents, right.persistents);
  ++left.level;
  free_.push_back(std::move(right));
}

void ShardSums::finish_step() {
  check_arenas();
  const Branch& sum = branches_.front();  // a rank's shards are a whole branch: nothing else is left
  send_gradients_to(sum);
  const auto& arenas = optimizer_.arenas();
  times_.clear();
  const auto ready = BucketTimes::Clock::now();
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    const auto started = BucketTimes::Clock::now();
    tree_all_reduce(comm_, sum.gradients[a]);
    if (comm_.size() > 1) {
      const std::size_t bytes = sum.gradients[a].bytes();
      times_.push_back({bytes, bytes, ready, started, BucketTimes::Clock::now()});
    }
    for (const ParameterArena::Slot& slot : arenas[a].slots) {
      slot.parameter->set_grad(Variable(slot.parameter->grad_destination()));
    }
  }
  if (floating_size_ > 0) tree_all_reduce(comm_, sum.persistents);
  std::int64_t at = 0;
  for (Array* array : floating_) {
    array->copy_from(sum.persistents.slice(0, {.start = at, .stop = at + array->size()}).reshape(array->shape()));
    at += array->size();
  }
  if (counts_.empty()) return;
  const Array counts = array(counts_, {static_cast<std::int64_t>(counts_.size())});
  comm_.all_reduce(counts, Reduce::kMax);
  at = 0;
  for (Array* array : whole_) {
    array->copy_from(counts.slice(0, {.start = at, .stop = at + array->size()}).reshape(array->shape()));
    at += array->size();
  }
}

}  // namespace rensa
