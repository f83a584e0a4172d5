#include "comm/distributed_optimizer.h"

namespace rensa {

DistributedOptimizer::DistributedOptimizer(std::unique_ptr<Optimizer> inner, Communicator& comm,
                                           const ReducerOptions& options)
    : inner_(std::move(inner)), comm_(comm), reducer_(comm, options) {}

void DistributedOptimizer::setup(Link& model) {
  inner_->setup(model);
  attach();
  for (const ParameterArena& arena : inner_->arenas()) comm_.broadcast(arena.values, /*root=*/0);
  for (const Link::NamedPersistent& persistent : model.named_persistents()) {
    const Array values = persistent.array->contiguous();
    comm_.broadcast(values, /*root=*/0);
    if (values.raw_data() != persistent.array->raw_data()) persistent.array->copy_from(values);
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
    const Array values = parameter->array().contiguous();
    comm_.broadcast(values, /*root=*/0);
    if (values.raw_data() != parameter->array().raw_data()) parameter->array().copy_from(values);
    const Array gradient = parameter->grad() ? parameter->grad().to(Dtype::kFloat64).contiguous()
                                             : zeros(parameter->shape(), Dtype::kFloat64);
    comm_.all_reduce(gradient);
    for (std::int64_t i = 0; i < gradient.size(); ++i) gradient.data<double>()[i] /= comm_.size();
    parameter->set_grad(Variable(gradient.to(parameter->dtype())));
  }
  if (arenas_moved()) attach();
  inner_->update();
}

}  // namespace rensa
