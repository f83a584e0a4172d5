#include "core/autograd/parameter.h"

#include <utility>

#include "core/autograd/variable_body.h"
#include "core/error.h"

namespace rensa {
namespace {

struct ParameterRandom {
  std::uint64_t seed = 0;
  std::uint64_t created = 0;
};
thread_local constinit ParameterRandom parameter_random;

}  // namespace

void seed_parameters(std::uint64_t seed) { parameter_random = {.seed = seed, .created = 0}; }

Parameter::Parameter(Initializer initializer, Dtype dtype)
    : Variable(Array(), /*requires_grad=*/true),
      initializer_(std::move(initializer)),
      seed_(parameter_random.seed),
      random_index_(parameter_random.created++),
      dtype_(dtype) {}

Parameter::Parameter(const Shape& shape, Initializer initializer, Dtype dtype)
    : Parameter(std::move(initializer), dtype) {
  initialize(shape);
}

void Parameter::initialize(const Shape& shape) {
  if (is_initialized())
    throw ValueError("parameter ", name(), ": is initialized already, with shape ", this->shape(), ".");
  Array values = empty(shape, dtype_);
  RandomStream random(seed_, Purpose::kInitialize, random_index_);
  initializer_(values, random);
  body().array = values.to(home_);  // drawn on the host: the same numbers on every device
}

void Parameter::to(Device device) {
  home_ = device;
  if (!is_initialized() || array().device() == device) return;
  clear_grad();
  set_grad_destination(Array());
  set_array(array().to(device));
}

void Parameter::set_array(Array array) {
  const Array place = grad_destination();
  if (place && (place.shape() != array.shape() || place.dtype() != array.dtype())) {
    clear_grad();
    set_grad_destination(Array());  // of what it was; an optimizer gives another one
  }
  body().array = std::move(array);
}

void Parameter::set_grad_destination(Array view) {
  if (view && (view.shape() != shape() || view.dtype() != dtype())) {
    throw ShapeError("parameter ", name(), ": the place for its gradient is ", view.dtype(), " ", view.shape(),
                     ", it is ", dtype(), " ", shape(), ".");
  }
  detail::VariableExtras& extras = body().extras_of();
  if (extras.grad && view) {
    view.copy_from(extras.grad.array());
    extras.grad = Variable(view);
  }
  extras.grad_destination = std::move(view);
}

const Array& Parameter::grad_destination() const {
  static const Array none;
  return body().extras ? body().extras->grad_destination : none;
}

Variable Parameter::stand_in(Variable other) noexcept {
  body_.swap(other.body_);
  return other;
}

void Parameter::set_read_gate(ReadGate* gate) { body().extras_of().read_gate = gate; }

void Parameter::on_gradient(GradientHook hook, GradientMoment moment) {
  detail::VariableExtras& extras = body().extras_of();
  extras.on_gradient = std::move(hook);
  extras.moment = moment;
}

void Parameter::before_gradient(std::function<void()> check) { body().extras_of().before_gradient = std::move(check); }

}  // namespace rensa
