#include "core/optimizers/layerwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/kernels/optimizer_rules.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

/// Calls act(slot, place) for every parameter of a range, where place is its part of arrays laid out like the range.
template <class Act>
void for_each_parameter(const Optimizer& optimizer, bool sharded, const Array& values, const Act& act) {
  if (sharded) {
    throw ValueError(optimizer.name(),
                     ": needs whole parameters, the optimizer's state is sharded. Set zero = 0, or take "
                     "another optimizer.");
  }
  const auto* const begin = static_cast<const std::byte*>(values.raw_data());
  for (const ParameterArena& arena : optimizer.arenas()) {
    if (arena.values.buffer() != values.buffer()) continue;
    const std::int64_t first = (begin - static_cast<const std::byte*>(arena.values.raw_data())) /
                               static_cast<std::int64_t>(item_size(values.dtype()));
    for (const ParameterArena::Slot& slot : arena.slots) {
      if (slot.offset < first || slot.offset >= first + values.size()) continue;
      act(slot, Slice{.start = slot.offset - first, .stop = slot.offset - first + slot.size});
    }
  }
}

template <class Range>
double decay_of(const LarsOptions& o, const Range& range) {
  return range.weight_decay + o.weight_decay_rate * range.decay_scale;
}

/// By how much LARS scales the step of one parameter.
template <class Range>
double lars_ratio(const Array& p, const Array& g, const LarsOptions& o, const Range& range) {
  if (range.decay_scale == 0) return 1;
  const double of_p = std::sqrt(kernels::sum_of_squares(p, {}).item<double>());
  const double of_g = std::sqrt(kernels::sum_of_squares(g, {}).item<double>()) * range.gradient_scale;
  return of_p > 0 ? o.trust * of_p / (of_g + decay_of(o, range) * of_p + o.eps) : 1;
}

}  // namespace

void Lamb::update_range(const Range& range) {
  const auto t = static_cast<double>(range.t);
  const kernels::RuleNumbers numbers = {1 - options_.beta1,
                                        1 - options_.beta2,
                                        options_.eps,
                                        1 / (1 - std::pow(options_.beta1, t)),
                                        1 / (1 - std::pow(options_.beta2, t)),
                                        options_.weight_decay_rate * range.decay_scale};
  for_each_parameter(*this, is_sharded(), range.values, [&](const ParameterArena::Slot&, const Slice& place) {
    const Array p = range.values.slice(0, place), m = range.state[0].slice(0, place),
                v = range.state[1].slice(0, place);
    const auto [of_p, of_r] =
        kernels::lamb_moments(p, range.gradients.slice(0, place), m, v, numbers,
                              {.scale = range.gradient_scale, .weight_decay = range.weight_decay});
    const double trust = of_p > 0 && of_r > 0 ? std::sqrt(of_p / of_r) : 1;
    kernels::lamb_apply(p, m, v, options_.lr * range.lr_scale * trust, numbers);
  });
}

void Lars::update_range(const Range& range) {
  const double decay = decay_of(options_, range);
  for_each_parameter(*this, is_sharded(), range.values, [&](const ParameterArena::Slot&, const Slice& place) {
    const Array p = range.values.slice(0, place), g = range.gradients.slice(0, place);
    kernels::momentum_sgd_update(p, g, range.state[0].slice(0, place),
                                 options_.lr * range.lr_scale * lars_ratio(p, g, options_, range), options_.momentum,
                                 {.scale = range.gradient_scale, .weight_decay = decay});
  });
}

void CorrectedLars::update_range(const Range& range) {
  const double decay = decay_of(options_, range);
  for_each_parameter(*this, is_sharded(), range.values, [&](const ParameterArena::Slot&, const Slice& place) {
    const Array p = range.values.slice(0, place), g = range.gradients.slice(0, place);
    const double ratio = lars_ratio(p, g, options_, range);
    kernels::corrected_momentum_update(p, g, {range.state[0].slice(0, place)},
                                       {options_.lr * range.lr_scale, options_.momentum},
                                       {.scale = range.gradient_scale * ratio, .weight_decay = decay * ratio});
  });
}

void Adafactor::setup(Link& model) {
  squares_.clear();
  RuleWithOptions::setup(model);
}

Adafactor::Squares& Adafactor::squares_of(const Parameter& parameter) {
  Squares& squares = squares_[&parameter];
  if (squares.row || squares.whole) return squares;
  const Dtype dtype = parameter.dtype();
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
  for_each_parameter(*this, is_sharded(), range.values, [&](const ParameterArena::Slot& slot, const Slice& place) {
    const Squares& squares = squares_of(*slot.parameter);
    const auto in_shape = [&](const Array& flat) {
      const Strides strides = slot.parameter->array().is_dense() ? slot.parameter->array().strides()
                                                                 : contiguous_strides(slot.parameter->shape());
      const Array part = flat.slice(0, place);
      const auto offset = static_cast<std::byte*>(part.raw_data()) - part.buffer()->data();
      return Array(part.buffer(), static_cast<std::size_t>(offset), slot.parameter->shape(), strides, part.dtype());
    };
    const Array place_of_p = in_shape(range.values), p = place_of_p.contiguous();
    kernels::adafactor_update(p, in_shape(range.gradients).contiguous(), squares.row, squares.column, squares.whole,
                              step, {.scale = range.gradient_scale, .weight_decay = range.weight_decay});
    if (p.raw_data() != place_of_p.raw_data()) place_of_p.copy_from(p);
  });
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
  std::size_t bytes = 0;
  for (const auto& [parameter, squares] : squares_)
    bytes += squares.row.bytes() * (squares.row ? 1 : 0) + squares.column.bytes() * (squares.column ? 1 : 0) +
             squares.whole.bytes() * (squares.whole ? 1 : 0);
  return bytes;
}

}  // namespace rensa
