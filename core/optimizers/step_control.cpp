#include <vector>

#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/optimizer.h"
#include "core/optimizers/hooked_gradients.h"
#include "core/optimizers/optimizer.h"

// The part of Optimizer that lets a GPU decide what is done with the gradients: their norm, a dynamic loss scale, and
// whether a step is made stay there. What the host would have counted (each parameter's t without the steps left out)
// it takes off later, when somebody asks.

namespace rensa {

using namespace kernels::formulas;

namespace {

Array number_of(const Array& control, int which) { return control.slice(0, {.start = which, .stop = which + 1}); }

}  // namespace

void Optimizer::loss_scaling(std::int64_t interval) {
  settle_control();
  loss_scale_ = LossScale::dynamic(interval);
}

void Optimizer::set_loss_scale(double scale) {
  settle_control();
  loss_scale_ = LossScale::fixed(scale);
}

double Optimizer::loss_scale() const {
  return control_ && loss_scale_.is_dynamic() ? number_of(control_, kLossScale).item<double>() : loss_scale_.value();
}

void Optimizer::backward(const Variable& loss, double share) const {
  if (!control_ || !loss_scale_.is_dynamic() || loss.device() != control_.device() || loss.size() != 1) {
    return loss.backward({.loss_scale = share * loss_scale()});
  }
  const Array start = kernels::mul_number(number_of(control_, kLossScale), share).to(loss.dtype());
  Variable output = loss;
  output.set_grad(Variable(start.reshape(loss.shape())));
  output.backward();
  output.clear_grad();
}

Device Optimizer::deciding_device() const {
  const bool decides = loss_scale_.is_dynamic() || common_.clip_norm > 0;
  if (!decides || !follows_control() || arenas_.empty()) return {};
  if (loss_scale_.is_dynamic() && !hooks_.empty()) return {};  // they are called for steps that are made
  const Device device = arenas_.front().values.device();
  for (const ParameterArena& arena : arenas_) {
    if (arena.values.device() != device) return {};
  }
  return device;
}

std::vector<bool> Optimizer::updated_slots() const {
  std::vector<bool> updated;
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) updated.push_back(slot.parameter->update_enabled);
  }
  return updated;
}

void Optimizer::update_as_device_decides(Device device) {
  if (control_ && (control_.device() != device || under_control_ != updated_slots())) settle_control();
  if (!control_) {
    under_control_ = updated_slots();
    std::vector<double> numbers(kStepControls);
    numbers[kLossScale] = loss_scale_.value();
    numbers[kSettled] = loss_scale_.is_settled() ? 1 : 0;
    control_ = array(numbers, {kStepControls}).to(device);
  }
  double unscale = 1 / loss_scale_.value();
  const std::unique_ptr<HookedGradients> hooked = run_hooks(unscale);
  ++t_;
  kernels::decide_step(control_, sum_of_squares(),
                       {.dynamic = loss_scale_.is_dynamic(),
                        .unscale = unscale,
                        .clip_norm = common_.clip_norm,
                        .growth = loss_scale_.is_dynamic() ? loss_scale_.growth() : 1});
  for (std::size_t a = 0; a < arenas_.size(); ++a) {
    update_arena(a, 0, arenas_[a].slots.size(), /*gradient_scale=*/1, static_cast<const double*>(control_.raw_data()));
    arenas_[a].values.buffer()->note_write();  // a graph that still needs the old values is refused
  }
  run_post_hooks();
  for (const ParameterArena& arena : arenas_) {
    for (const ParameterArena::Slot& slot : arena.slots) slot.parameter->clear_grad();
  }
}

void Optimizer::settle_control() {
  if (!control_) return;
  if (loss_scale_.is_dynamic()) {
    const std::vector<double> numbers = to_vector<double>(control_);
    loss_scale_.become(numbers[kLossScale], numbers[kSettled] != 0);
    const auto left_out = static_cast<std::int64_t>(numbers[kLeftOut]);
    std::size_t slot = 0;
    for (ArenaState& state : states_) {
      for (std::int64_t& t : state.t) t -= under_control_.at(slot++) ? left_out : 0;
    }
  }
  control_ = Array();
}

}  // namespace rensa
