#include "comm/distributed_optimizer.h"

namespace rensa {

DistributedOptimizer::DistributedOptimizer(std::unique_ptr<Optimizer> inner, Communicator& comm,
                                           const ReducerOptions& options)
    : inner_(std::move(inner)), comm_(comm), reducer_(comm, options) {
  inner_->set_arena_allocators(
      [](std::int64_t count, Dtype dtype, Device device) { return zeros({count}, dtype, device); },
      [&comm](std::int64_t count, Dtype dtype, Device device) {
        return device.kind == DeviceKind::kCpu ? comm.allocate_shared(count, dtype) : zeros({count}, dtype, device);
      });
}

void DistributedOptimizer::setup(Link& model) {
  inner_->setup(model);
  attach();
  for (const ParameterArena& arena : inner_->arenas()) comm_.broadcast(arena.values, /*root=*/0);
  for (const Link::NamedPersistent& persistent : model.named_persistents()) {
    comm_.broadcast(*persistent.array, /*root=*/0);
  }
}

void DistributedOptimizer::attach() {
  reducer_.attach(inner_->arenas());
  attached_.clear();
  for (const ParameterArena& arena : inner_->arenas()) attached_.push_back(arena.gradients.raw_data());
}

bool DistributedOptimizer::arenas_moved() const {
  const auto& arenas = inner_->arenas();
  if (arenas.size() != attached_.size()) return true;
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    if (arenas[i].gradients.raw_data() != attached_[i]) return true;
  }
  return false;
}

void DistributedOptimizer::update() {
  reducer_.finish();
  // Parameters that took their shape in this step: the same on all ranks from now on, with the mean of their gradients.
  const std::vector<Parameter*> joined = inner_->join_parameters();
  for (Parameter* parameter : joined) {
    comm_.broadcast(parameter->array(), /*root=*/0);
    const Array gradient = parameter->grad() ? parameter->grad().copy() : zeros(parameter->shape(), parameter->dtype());
    comm_.all_reduce(gradient, Reduce::kMean);
    parameter->set_grad(Variable(gradient));
  }
  if (arenas_moved()) attach();
  inner_->update();
}

}  // namespace rensa
