#include "core/optimizers/layerwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/kernels/optimizer_rules.h"
#include "core/optimizers/present_parameters.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

template <class Range>
double decay_of(const LarsOptions& o, const Range& range) {
  return range.weight_decay + o.weight_decay_rate * range.decay_scale;
}

/// {‖p‖², ‖g‖²} of one range, for lars_ratio(); parameters that do not decay need none.
template <class Range>
std::array<double, 2> lars_squares(const Range& range) {
  if (range.decay_scale == 0) return {};
  return {kernels::sum_of_squares(range.values, {}).template item<double>(),
          kernels::sum_of_squares(range.gradients, {}).template item<double>()};
}

/// By how much LARS scales the step of one parameter.
template <class Range>
double lars_ratio(const LarsOptions& o, const Range& range) {
  if (range.decay_scale == 0) return 1;
  const double of_p = std::sqrt(range.sums[0]), of_g = std::sqrt(range.sums[1]) * range.gradient_scale;
  return of_p > 0 ? o.trust * of_p / (of_g + decay_of(o, range) * of_p + o.eps) : 1;
}

template <class Range>
kernels::RuleNumbers lamb_numbers(const LambOptions& o, const Range& range) {
  const auto t = static_cast<double>(range.t);
  return {1 - o.beta1,
          1 - o.beta2,
          o.eps,
          1 / (1 - std::pow(o.beta1, t)),
          1 / (1 - std::pow(o.beta2, t)),
          o.weight_decay_rate * range.decay_scale};
}

}  // namespace

std::array<double, 2> Lamb::measure_range(const Range& range) {
  return kernels::lamb_moments(range.values, range.gradients, range.state[0], range.state[1],
                               lamb_numbers(options_, range),
                               {.scale = range.gradient_scale, .weight_decay = range.weight_decay});
}

void Lamb::update_range(const Range& range) {
  const auto [of_p, of_r] = range.sums;
  const double trust = of_p > 0 && of_r > 0 ? std::sqrt(of_p / of_r) : 1;
  kernels::lamb_apply(range.values, range.state[0], range.state[1], options_.lr * range.lr_scale * trust,
                      lamb_numbers(options_, range));
}

std::array<double, 2> Lars::measure_range(const Range& range) { return lars_squares(range); }

void Lars::update_range(const Range& range) {
  kernels::momentum_sgd_update(range.values, range.gradients, range.state[0],
                               options_.lr * range.lr_scale * lars_ratio(options_, range), options_.momentum,
                               {.scale = range.gradient_scale, .weight_decay = decay_of(options_, range)});
}

std::array<double, 2> CorrectedLars::measure_range(const Range& range) { return lars_squares(range); }

void CorrectedLars::update_range(const Range& range) {
  const double ratio = lars_ratio(options_, range);
  kernels::corrected_momentum_update(
      range.values, range.gradients, range.state, {options_.lr * range.lr_scale, options_.momentum},
      {.scale = range.gradient_scale * ratio, .weight_decay = decay_of(options_, range) * ratio});
}

void Adafactor::setup(Link& model) {
  squares_.clear();
  RuleWithOptions::setup(model);
}

void Adafactor::forget_removed() {
  const auto present = present_parameters(model());
  std::erase_if(squares_, [&](const auto& entry) { return !present.contains(entry.first); });
}

Adafactor::Squares& Adafactor::squares_of(const Parameter& parameter) {
  if (!squares_.contains(&parameter)) forget_removed();
  Squares& squares = squares_[&parameter];
  if ((squares.row || squares.whole) && squares.shape == parameter.shape()) {
    for (Array* each : {&squares.row, &squares.column, &squares.whole}) {
      if (*each) *each = each->to(parameter.device());
    }
    return squares;
  }
  squares = {.shape = parameter.shape(), .row = {}, .column = {}, .whole = {}};
  const Dtype dtype = is_half(parameter.dtype()) ? Dtype::kFloat32 : parameter.dtype();
  if (parameter.ndim() < 2) {
    squares.whole = zeros(parameter.shape(), dtype, parameter.device());
  } else {
    Shape row = parameter.shape(), column = parameter.shape();
    row.erase(parameter.ndim() - 1);
    column.erase(parameter.ndim() - 2);
    squares.row = zeros(row, dtype, parameter.device());
    squares.column = zeros(column, dtype, parameter.device());
  }
  return squares;
}

void Adafactor::update_range(const Range& range) {
  const auto t = static_cast<double>(range.t);
  const double epsilon = range.values.dtype() == Dtype::kFloat64
                             ? std::numeric_limits<double>::epsilon()
                             : static_cast<double>(std::numeric_limits<float>::epsilon());
  const double lr = options_.lr * range.lr_scale;
  const kernels::AdafactorStep step{.mix = std::pow(t, options_.beta2_decay),
                                    .lr = std::min(lr, 1 / std::sqrt(t)),
                                    .eps1 = options_.eps1 < 0 ? epsilon : options_.eps1,
                                    .eps2 = options_.eps2,
                                    .d = options_.d,
                                    .decay = lr * options_.weight_decay_rate * range.decay_scale};
  const Squares& squares = squares_of(*range.slot->parameter);
  ParameterArena::Slot place = *range.slot;
  place.offset = 0;  // the range is the parameter's alone
  const auto in_shape = [&](const Array& flat) { return ParameterArena::view(flat, place); };
  const Array place_of_p = in_shape(range.values), p = place_of_p.contiguous();
  kernels::adafactor_update(p, in_shape(range.gradients).contiguous(), squares.row, squares.column, squares.whole, step,
                            {.scale = range.gradient_scale, .weight_decay = range.weight_decay});
  if (p.raw_data() != place_of_p.raw_data()) place_of_p.copy_from(p);
}

void Adafactor::serialize(Serializer& serializer) {
  RuleWithOptions::serialize(serializer);
  for (const Link::NamedParameter& named : model().named_parameters()) {
    if (!named.parameter->is_initialized()) continue;
    Squares& squares = squares_of(*named.parameter);
    if (squares.whole) {
      serializer(named.path + "/variance", squares.whole);
    } else {
      serializer(named.path + "/row_var", squares.row);
      serializer(named.path + "/col_var", squares.column);
    }
  }
}

std::size_t Adafactor::state_bytes() const {
  std::size_t bytes = RuleWithOptions::state_bytes();  // the masters
  for (const ParameterArena& arena : arenas()) {
    for (const ParameterArena::Slot& slot : arena.slots) {
      const auto found = squares_.find(slot.parameter);
      if (found == squares_.end()) continue;
      for (const Array* each : {&found->second.row, &found->second.column, &found->second.whole}) {
        if (*each) bytes += each->bytes();
      }
    }
  }
  return bytes;
}

}  // namespace rensa
