#include "comm/model_data.h"

#include <cmath>
#include <vector>

#include "core/error.h"

namespace rensa {
namespace {

bool all_finite(const Array& x) {
  for (const double value : to_vector<double>(x)) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

void take_mean(Communicator& comm, const Link::NamedParameter& named, bool check_finite) {
  Parameter& parameter = *named.parameter;
  const Dtype own = parameter.dtype(), travels = comm.config().allreduce_grad_dtype().value_or(own);
  const Array gradient = parameter.grad() ? parameter.grad() : zeros(parameter.shape(), own, parameter.device());
  const Array sent = travels == own ? gradient.copy() : gradient.to(travels);
  comm.all_reduce(sent, Reduce::kMean);
  const Array mean = sent.to(own);
  if (check_finite && !all_finite(mean)) {
    throw ValueError("diverged: the mean gradient of ", named.path, " ", parameter.shape(),
                     " is not finite. Lower the learning rate, or look at the ranks' losses.");
  }
  parameter.set_grad(Variable(mean));
}

}  // namespace

void broadcast_data(Communicator& comm, Link& model, int root) {
  for (Parameter* parameter : model.parameters()) {
    if (parameter->is_initialized()) comm.broadcast(parameter->array(), root);
  }
  for (const Link::NamedPersistent& persistent : model.named_persistents()) {
    if (*persistent.array) comm.broadcast(*persistent.array, root);
  }
}

void mean_gradients(Communicator& comm, Link& model, bool zero_fill, bool check_finite) {
  std::vector<Link::NamedParameter> parameters;
  for (const Link::NamedParameter& named : model.named_parameters()) {
    if (named.parameter->is_initialized()) parameters.push_back(named);
  }
  // Who has which gradients: one small call, so that ranks never disagree on what travels.
  const Array holders = zeros({static_cast<std::int64_t>(parameters.size())}, Dtype::kInt32);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    holders.data<std::int32_t>()[i] = parameters[i].parameter->grad() ? 1 : 0;
  }
  comm.all_reduce(holders);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const int count = holders.data<std::int32_t>()[i];
    if (count == comm.size() || (zero_fill && count > 0)) take_mean(comm, parameters[i], check_finite);
  }
}

}  // namespace rensa
