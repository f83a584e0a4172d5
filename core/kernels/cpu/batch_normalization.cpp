#include "core/kernels/batch_normalization.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/normalization_loops.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

using cpu::Computed;

/// x as rows of channels.
struct Rows {
  Array array;
  std::int64_t count, channels;
  explicit Rows(const Array& x)
      : array(x.ndim() == 2 ? x.contiguous() : x.channels_last()),
        count(x.shape()[1] == 0 ? 0 : x.size() / x.shape()[1]),
        channels(x.shape()[1]) {}
  template <class S>
  S* at(std::int64_t row) const {
    return array.template data<S>() + row * channels;
  }
  /// To be written.
  template <class S>
  cpu::Destination<S> to(std::int64_t row) const {
    return cpu::destination<S>(array) + row * channels;
  }
};

Array like_rows(const Array& x) {
  return empty(x.shape(), x.dtype(), {}, x.ndim() == 2 ? Layout::kRowMajor : Layout::kChannelsLast);
}

/// Calls body with the type in which x's elements are stored.
template <class Body>
decltype(auto) dispatch_stored(Dtype dtype, const Body& body) {
  switch (dtype) {
    case Dtype::kFloat16:
      return body(TypeTag<Float16>{});
    case Dtype::kBFloat16:
      return body(TypeTag<BFloat16>{});
    default:
      return dispatch_floating(dtype, "batch_normalization", body);
  }
}

constexpr std::int64_t kFlush = 64;  ///< rows that are added in T before the sum goes on in float64

/// Two sums a channel over all rows. add(begin, count, a, b) adds what these rows give to a[c] and b[c]. Parts are
/// added in their order: the same bits for the same number of threads and the same instructions.
template <class T, class Add>
std::array<Array, 2> sum_rows(const Rows& x, const Add& add) {
  const std::int64_t rows = x.count, channels = x.channels;
  const auto width = static_cast<std::size_t>(channels);
  const std::int64_t parts = std::clamp<std::int64_t>(rows * channels / (16 * 1024), 1, omp_get_max_threads());
  std::vector<double> sums(2 * width * static_cast<std::size_t>(parts));
  cpu::for_each_block(
      parts,
      [&](std::int64_t begin, std::int64_t end) {
        std::vector<T> few(2 * width);
        for (std::int64_t part = begin; part < end; ++part) {
          double* total = sums.data() + 2 * width * static_cast<std::size_t>(part);
          const std::int64_t last = rows * (part + 1) / parts;
          for (std::int64_t i = rows * part / parts; i < last; i += kFlush) {
            std::fill(few.begin(), few.end(), T(0));
            add(i, std::min(kFlush, last - i), few.data(), few.data() + channels);
            for (std::size_t c = 0; c < 2 * width; ++c) total[c] += static_cast<double>(few[c]);
          }
        }
      },
      /*cost=*/rows * channels / parts * static_cast<std::int64_t>(sizeof(T)));
  std::array<Array, 2> result = {zeros({channels}, Dtype::kFloat64), zeros({channels}, Dtype::kFloat64)};
  for (std::size_t part = 0; part < static_cast<std::size_t>(parts); ++part) {
    for (std::size_t c = 0; c < width; ++c) {
      result[0].data<double>()[c] += sums[2 * width * part + c];
      result[1].data<double>()[c] += sums[2 * width * part + width + c];
    }
  }
  return result;
}

/// The origin that the sums are taken from, so that no digits are lost to a large mean.
Array first_row(const Rows& x) {
  return x.array.ndim() == 2 ? x.array.select(0, 0) : x.array.select(0, 0).select(1, 0).select(1, 0);
}

std::array<Array, 2> batch_statistics_cpu(const Array& x) {
  const Rows rows(x);
  return dispatch_stored(x.dtype(), [&](auto tag) {
    using S = typename decltype(tag)::type;
    using T = Computed<S>;
    const auto& loops = cpu::normalization_loops<S>();
    const std::vector<T> origin = to_vector<T>(rows.count == 0 ? zeros({rows.channels}) : first_row(rows));
    const std::array<Array, 2> result = sum_rows<T>(rows, [&](std::int64_t begin, std::int64_t count, T* a, T* b) {
      loops.add_statistics(rows.at<S>(begin), count, rows.channels, origin.data(), a, b);
    });
    for (std::size_t c = 0; c < origin.size(); ++c) {
      double& mean = result[0].data<double>()[c];
      double& variance = result[1].data<double>()[c];
      mean /= static_cast<double>(rows.count);
      variance = std::max(0.0, variance / static_cast<double>(rows.count) - mean * mean);
      mean += static_cast<double>(origin[c]);
    }
    return result;
  });
}

FoldedStatistics fold_cpu(const Array& gamma, const Array& beta, const Array& mean, const Array& var, double eps) {
  const auto channels = static_cast<std::size_t>(mean.size());
  const std::vector<double> g = to_vector<double>(gamma), b = to_vector<double>(beta), m = to_vector<double>(mean),
                            v = to_vector<double>(var);
  const FoldedStatistics folded{empty({mean.size()}, Dtype::kFloat64), empty({mean.size()}, Dtype::kFloat64),
                                empty({mean.size()}, Dtype::kFloat64)};
  for (std::size_t c = 0; c < channels; ++c) {
    const double inverse = 1 / std::sqrt(v[c] + eps), scale = g[c] * inverse;
    folded.inv_std.data<double>()[c] = inverse;
    folded.scale.data<double>()[c] = scale;
    folded.shift.data<double>()[c] = b[c] - m[c] * scale;
  }
  return folded;
}

void move_average_cpu(const Array& average, const Array& now, double decay, double correction) {
  const std::vector<double> values = to_vector<double>(now), before = to_vector<double>(average);
  std::vector<double> after(values.size());
  for (std::size_t c = 0; c < values.size(); ++c) after[c] = decay * before[c] + (1 - decay) * correction * values[c];
  average.copy_from(array(after, now.shape()));
}

/// Calls body(first, count) for the rows of one thread after another's.
template <class S, class Body>
void for_rows(const Rows& x, const Body& body) {
  cpu::for_each_block(
      x.count, [&](std::int64_t begin, std::int64_t end) { body(begin, end - begin); },
      /*cost=*/3 * x.channels * static_cast<std::int64_t>(sizeof(S)));
}

Array scale_and_shift_cpu(const Array& x, const Array& scale, const Array& shift, const Array& residual, bool relu) {
  const Rows rows(x), added(residual ? residual : rows.array);
  const Array y = like_rows(x);
  const Rows out(y);
  dispatch_stored(x.dtype(), [&](auto tag) {
    using S = typename decltype(tag)::type;
    const auto& loops = cpu::normalization_loops<S>();
    const auto a = to_vector<Computed<S>>(scale), b = to_vector<Computed<S>>(shift);
    for_rows<S>(rows, [&](std::int64_t row, std::int64_t count) {
      loops.scale_and_shift(rows.at<S>(row), residual ? added.at<S>(row) : nullptr, out.to<S>(row), count,
                            rows.channels, a.data(), b.data(), relu);
    });
  });
  return y;
}

/// What the gradient's loops read of a batch, stored as S.
template <class S>
struct GradientSource {
  Rows x, gy;
  std::vector<Computed<S>> scale, shift;  ///< for kFromInput
  GradientSource(const Array& gradient, const NormalizedBatch& batch) : x(batch.x), gy(gradient.to(batch.x.dtype())) {
    if (batch.mask != ReluMask::kFromInput) return;
    scale = to_vector<Computed<S>>(batch.scale);
    shift = to_vector<Computed<S>>(batch.shift);
  }
  cpu::GradientRows<S> rows(std::int64_t begin, std::int64_t count) const {
    return {x.at<S>(begin), gy.at<S>(begin), count, x.channels};
  }
  cpu::Threshold<Computed<S>> threshold() const {
    return scale.empty() ? cpu::Threshold<Computed<S>>{} : cpu::Threshold<Computed<S>>{scale.data(), shift.data()};
  }
};

NormalizationSums sums_cpu(const Array& gy, const NormalizedBatch& batch) {
  const bool from_output = batch.mask == ReluMask::kFromOutput;
  const Array passed = from_output ? like_rows(batch.x) : Array();
  return dispatch_stored(batch.x.dtype(), [&](auto tag) -> NormalizationSums {
    using S = typename decltype(tag)::type;
    using T = Computed<S>;
    const auto& loops = cpu::normalization_loops<S>();
    const GradientSource<S> source(gy, batch);
    const Rows y(from_output ? batch.y : source.x.array), passed_rows(from_output ? passed : source.x.array);
    const auto mean = to_vector<T>(batch.mean), inv_std = to_vector<T>(batch.inv_std);
    const auto [a, b] = sum_rows<T>(source.x, [&](std::int64_t begin, std::int64_t count, T* gy_sum, T* xhat_sum) {
      const auto mask =
          from_output ? cpu::OutputMask<S>{y.at<S>(begin), passed_rows.to<S>(begin)} : cpu::OutputMask<S>{};
      loops.add_gradient_sums(source.rows(begin, count), source.threshold(), mask, mean.data(), inv_std.data(), gy_sum,
                              xhat_sum);
    });
    return {a, b, passed};
  });
}

/// gx = p gy' + q x + r, three numbers a channel.
Array grad_cpu(const Array& gy, const NormalizedBatch& batch, const Array& gbeta, const Array& ggamma) {
  const Array gx = like_rows(batch.x);
  const Rows gx_rows(gx);
  dispatch_stored(batch.x.dtype(), [&](auto tag) {
    using S = typename decltype(tag)::type;
    using T = Computed<S>;
    const auto& loops = cpu::normalization_loops<S>();
    const GradientSource<S> source(gy, batch);
    const auto p = to_vector<T>(batch.scale);
    std::vector<T> q(p.size()), r(p.size());
    for (std::size_t c = 0; c < q.size(); ++c) {
      const double scale = batch.scale.data<double>()[c];
      const double slope = batch.inv_std.data<double>()[c] * ggamma.data<double>()[c] / batch.count;
      q[c] = static_cast<T>(-scale * slope);
      r[c] = static_cast<T>(scale * (slope * batch.mean.data<double>()[c] - gbeta.data<double>()[c] / batch.count));
    }
    for_rows<S>(source.x, [&](std::int64_t row, std::int64_t count) {
      loops.gradient(source.rows(row, count), source.threshold(), p.data(), q.data(), r.data(), gx_rows.to<S>(row));
    });
  });
  return gx;
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_statistics(batch_statistics, kCpu, batch_statistics_cpu);
const Implementation cpu_fold(fold_statistics, kCpu, fold_cpu);
const Implementation cpu_move_average(move_average, kCpu, move_average_cpu);
const Implementation cpu_scale_and_shift(scale_and_shift, kCpu, scale_and_shift_cpu);
const Implementation cpu_sums(batch_normalization_sums, kCpu, sums_cpu);
const Implementation cpu_grad(batch_normalization_grad, kCpu, grad_cpu);

}  // namespace
}  // namespace rensa::kernels
