#include "core/kernels/optimizer_rules.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

constexpr std::int64_t kSumBlock = 16384;  ///< elements summed together: fixed, whatever the threads

template <class T>
T taken_in(T g, T p, const GradientIntake& intake) {
  return static_cast<T>(intake.scale) * g + static_cast<T>(intake.weight_decay) * p;
}

template <class Formula, class T>
void update_part(const Formula& formula, std::int64_t begin, std::int64_t end, T* p, const T* g, T* const* state,
                 const GradientIntake& intake) {
  constexpr int kStates = Formula::kStates;
  T* s0 = state[0];
  T* s1 = kStates > 1 ? state[1] : nullptr;
  T* s2 = kStates > 2 ? state[2] : nullptr;
#pragma GCC ivdep
  for (std::int64_t i = begin; i < end; ++i) {
    T kept[3] = {s0[i], kStates > 1 ? s1[i] : T(0), kStates > 2 ? s2[i] : T(0)};
    T value = p[i];
    formula(value, taken_in(g[i], value, intake), kept);
    p[i] = value;
    s0[i] = kept[0];
    if constexpr (kStates > 1) s1[i] = kept[1];
    if constexpr (kStates > 2) s2[i] = kept[2];
  }
}

template <template <class> class Formula>
void update(const Array& p, const Array& g, const std::vector<Array>& state, const RuleNumbers& numbers,
            const GradientIntake& given) {
  if (!is_made(given)) return;
  const GradientIntake intake = decided(given);
  dispatch_floating(p.dtype(), "update", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Formula<T> formula(numbers);
    std::array<T*, 3> kept = {};
    for (std::size_t i = 0; i < state.size(); ++i) kept[i] = state[i].data<T>();
    T* values = p.data<T>();
    const T* gradients = g.data<T>();
    cpu::for_each_block(
        p.size(),
        [&](std::int64_t begin, std::int64_t end) {
          update_part(formula, begin, end, values, gradients, kept.data(), intake);
        },
        (3 + 2 * Formula<T>::kStates) * static_cast<std::int64_t>(sizeof(T)));
  });
}

/// Calls body(block, begin, end) for blocks of fixed size.
template <class Body>
void for_each_sum_block(std::int64_t size, const Body& body) {
  const std::int64_t blocks = (size + kSumBlock - 1) / kSumBlock;
  cpu::for_each_block(
      blocks,
      [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t block = first; block < last; ++block) {
          body(static_cast<std::size_t>(block), block * kSumBlock, std::min(size, (block + 1) * kSumBlock));
        }
      },
      16 * kSumBlock);
}

std::array<double, 2> lamb_moments_cpu(const Array& p, const Array& g, const Array& m, const Array& v,
                                       const RuleNumbers& numbers, const GradientIntake& intake) {
  std::vector<std::array<double, 2>> sums(static_cast<std::size_t>((p.size() + kSumBlock - 1) / kSumBlock));
  dispatch_floating(p.dtype(), "lamb", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const formulas::LambStep<T> lamb(numbers);
    const T* values = p.data<T>();
    const T* gradients = g.data<T>();
    T* first = m.data<T>();
    T* second = v.data<T>();
    for_each_sum_block(p.size(), [&](std::size_t block, std::int64_t begin, std::int64_t end) {
      double of_p = 0, of_r = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        const T gradient = taken_in(gradients[i], values[i], intake);
        first[i] += lamb.rest1 * (gradient - first[i]);
        second[i] += lamb.rest2 * (gradient * gradient - second[i]);
        const double r = lamb.direction(values[i], first[i], second[i]);
        of_p += static_cast<double>(values[i]) * static_cast<double>(values[i]);
        of_r += r * r;
      }
      sums[block] = {of_p, of_r};
    });
  });
  std::array<double, 2> total = {};
  for (const auto& [of_p, of_r] : sums) {
    total[0] += of_p;
    total[1] += of_r;
  }
  return total;
}

void lamb_apply_cpu(const Array& p, const Array& m, const Array& v, double step, const RuleNumbers& numbers) {
  dispatch_floating(p.dtype(), "lamb", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const formulas::LambStep<T> lamb(numbers);
    T* values = p.data<T>();
    const T* first = m.data<T>();
    const T* second = v.data<T>();
    const T size = static_cast<T>(step);
    cpu::for_each_block(
        p.size(),
        [&](std::int64_t begin, std::int64_t end) {
#pragma GCC ivdep
          for (std::int64_t i = begin; i < end; ++i) values[i] -= size * lamb.direction(values[i], first[i], second[i]);
        },
        4 * static_cast<std::int64_t>(sizeof(T)));
  });
}

/// Means over rows and columns of one matrix of squares, mixed into what is kept.
template <class T>
void mix_means(const T* g, std::int64_t rows, std::int64_t columns, T* row, T* column, T mix) {
  std::vector<double> of_columns(static_cast<std::size_t>(columns));
  for (std::int64_t r = 0; r < rows; ++r) {
    double of_row = 0;
    for (std::int64_t c = 0; c < columns; ++c) {
      const double square = static_cast<double>(g[r * columns + c]) * static_cast<double>(g[r * columns + c]);
      of_row += square;
      of_columns[static_cast<std::size_t>(c)] += square;
    }
    row[r] += mix * (static_cast<T>(of_row / static_cast<double>(columns)) - row[r]);
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    column[c] +=
        mix * (static_cast<T>(of_columns[static_cast<std::size_t>(c)] / static_cast<double>(rows)) - column[c]);
  }
}

void adafactor_cpu(const Array& p, const Array& g, const Array& row, const Array& column, const Array& whole,
                   const AdafactorStep& step, const GradientIntake& intake) {
  const std::int64_t size = p.size();
  if (size == 0) return;
  dispatch_floating(p.dtype(), "adafactor", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* values = p.data<T>();
    const Array taken = empty(p.shape(), p.dtype()), change = empty(p.shape(), p.dtype());
    T* gradient = taken.data<T>();
    T* update = change.data<T>();
    double norm = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      gradient[i] = taken_in(g.data<T>()[i], values[i], intake);
      norm += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    const T mix = static_cast<T>(step.mix), least = static_cast<T>(step.eps1 * step.eps1);
    if (row) {
      const std::int64_t rows = p.shape()[p.ndim() - 2], columns = p.shape().back();
      for (std::int64_t matrix = 0; matrix < size / (rows * columns); ++matrix) {
        T* of_rows = row.data<T>() + matrix * rows;
        T* of_columns = column.data<T>() + matrix * columns;
        mix_means(gradient + matrix * rows * columns, rows, columns, of_rows, of_columns, mix);
        double mean = 0;
        for (std::int64_t r = 0; r < rows; ++r) mean += static_cast<double>(of_rows[r]);
        const T scale = T(1) / std::max(static_cast<T>(mean / static_cast<double>(rows)), static_cast<T>(step.eps1));
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < columns; ++c) {
            update[(matrix * rows + r) * columns + c] = of_rows[r] * of_columns[c] * scale;
          }
        }
      }
    } else {
      T* squares = whole.data<T>();
      for (std::int64_t i = 0; i < size; ++i) update[i] = squares[i] += mix * (gradient[i] * gradient[i] - squares[i]);
    }
    double update_norm = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      update[i] = gradient[i] / std::sqrt(std::max(update[i], least));
      update_norm += static_cast<double>(update[i]) * static_cast<double>(update[i]);
    }
    const double root = std::sqrt(static_cast<double>(size));
    const double alpha = std::max(step.eps2, std::sqrt(norm) / root) * step.lr;
    const T factor = static_cast<T>(alpha / std::max(1.0, std::sqrt(update_norm) / (root * step.d)));
    const T kept = static_cast<T>(1 - step.decay);
    for (std::int64_t i = 0; i < size; ++i) values[i] = kept * values[i] - factor * update[i];
  });
}

void average_cpu(const Array& average, const Array& x, double weight) {
  Array same = x;  // in average's dtype and order of axes in memory
  if (average.strides() != x.strides() || average.dtype() != x.dtype()) {
    same = empty_like(average);
    same.copy_from(x);
  }
  dispatch_floating(average.dtype(), "average", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = average.data<T>();
    const T* from = same.data<T>();
    const T w = static_cast<T>(weight);
    cpu::for_each_block(
        x.size(),
        [&](std::int64_t begin, std::int64_t end) {
#pragma GCC ivdep
          for (std::int64_t i = begin; i < end; ++i) to[i] += w * (from[i] - to[i]);
        },
        3 * static_cast<std::int64_t>(sizeof(T)));
  });
}

const Implementation cpu_corrected_momentum(corrected_momentum_update, DeviceKind::kCpu,
                                            update<formulas::CorrectedMomentum>);
const Implementation cpu_adagrad(adagrad_update, DeviceKind::kCpu, update<formulas::AdaGrad>);
const Implementation cpu_adadelta(adadelta_update, DeviceKind::kCpu, update<formulas::AdaDelta>);
const Implementation cpu_rmsprop(rmsprop_update, DeviceKind::kCpu, update<formulas::RmsProp>);
const Implementation cpu_rmsprop_graves(rmsprop_graves_update, DeviceKind::kCpu, update<formulas::RmsPropGraves>);
const Implementation cpu_rmsprop_warmup(rmsprop_warmup_update, DeviceKind::kCpu, update<formulas::RmsPropWarmup>);
const Implementation cpu_smorms3(smorms3_update, DeviceKind::kCpu, update<formulas::Smorms3>);
const Implementation cpu_msvag(msvag_update, DeviceKind::kCpu, update<formulas::Msvag>);
const Implementation cpu_bounded_adam(bounded_adam_update, DeviceKind::kCpu, update<formulas::BoundedAdam>);
const Implementation cpu_amsbound(amsbound_update, DeviceKind::kCpu, update<formulas::AmsBound>);
const Implementation cpu_rectified_adam(rectified_adam_update, DeviceKind::kCpu, update<formulas::RectifiedAdam>);
const Implementation cpu_lion(lion_update, DeviceKind::kCpu, update<formulas::Lion>);
const Implementation cpu_lamb_moments(lamb_moments, DeviceKind::kCpu, lamb_moments_cpu);
const Implementation cpu_lamb_apply(lamb_apply, DeviceKind::kCpu, lamb_apply_cpu);
const Implementation cpu_adafactor(adafactor_update, DeviceKind::kCpu, adafactor_cpu);
const Implementation cpu_average(average_update, DeviceKind::kCpu, average_cpu);

}  // namespace
}  // namespace rensa::kernels
