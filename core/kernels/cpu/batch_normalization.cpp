#include "core/kernels/batch_normalization.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

/// x as rows of channels.
struct Rows {
  Array array;
  std::int64_t count, channels;
  explicit Rows(const Array& x)
      : array(x.ndim() == 2 ? x.contiguous() : x.channels_last()),
        count(x.shape()[1] == 0 ? 0 : x.size() / x.shape()[1]),
        channels(x.shape()[1]) {}
  bool half() const { return is_half(array.dtype()); }
  /// Rows that are worked on at a time: of a 16-bit array so many as stay, widened, in the first cache.
  std::int64_t step() const {
    constexpr std::int64_t kWidened = 4096;
    return half() ? std::max<std::int64_t>(1, kWidened / std::max<std::int64_t>(1, channels))
                  : std::numeric_limits<std::int64_t>::max();
  }
};

Array like_rows(const Array& x) {
  return empty(x.shape(), x.dtype(), {}, x.ndim() == 2 ? Layout::kRowMajor : Layout::kChannelsLast);
}

template <class T>
std::vector<T> per_channel(const Array& values) {
  return to_vector<T>(values);
}

/// One thread's view of rows as T: where they lie or, of a 16-bit array, widened.
template <class T>
class Source {
 public:
  explicit Source(const Rows* rows) : rows_(rows) {
    if (rows && rows->half())
      widened_.resize(static_cast<std::size_t>(std::min(rows->step(), rows->count) * rows->channels));
  }
  const T* at(std::int64_t row, std::int64_t count) {
    if (!rows_) return nullptr;
    const std::int64_t begin = row * rows_->channels;
    if constexpr (std::is_same_v<T, float>) {
      if (rows_->half()) {
        cpu::widen(rows_->array.raw_data(), rows_->array.dtype(), begin, widened_.data(), count * rows_->channels);
        return widened_.data();
      }
    }
    return rows_->array.template data<T>() + begin;
  }

 private:
  const Rows* rows_;
  std::vector<T> widened_;
};

/// Where one thread writes rows: at() gives the place, done() rounds what a 16-bit array gets.
template <class T>
class Target {
 public:
  explicit Target(const Rows* rows) : rows_(rows) {
    if (rows && rows->half())
      wide_.resize(static_cast<std::size_t>(std::min(rows->step(), rows->count) * rows->channels));
  }
  T* at(std::int64_t row) {
    if (!rows_) return nullptr;
    return rows_->half() ? wide_.data() : static_cast<T*>(rows_->array.raw_data()) + row * rows_->channels;
  }
  void done(std::int64_t row, std::int64_t count) {
    if constexpr (std::is_same_v<T, float>) {
      if (!rows_ || !rows_->half()) return;
      cpu::narrow(wide_.data(), rows_->array.raw_data(), rows_->array.dtype(), row * rows_->channels,
                  count * rows_->channels);
    }
  }

 private:
  const Rows* rows_;
  std::vector<T> wide_;
};

template <class T>
const T* from(const T* rows, std::int64_t offset) {
  return rows ? rows + offset : nullptr;
}

constexpr std::int64_t kFlush = 64;  ///< rows that are added in T before the sum goes on in float64

/// Two sums a channel over all rows. `row(x, gy, y, a, b)` adds what a row gives to a[c] and b[c]; gy and y may be
/// null. Parts are added in their order: the same bits for the same number of threads.
template <class T, class Row>
std::array<Array, 2> sum_rows(const Rows& x, const Rows* gy, const Rows* y, const Row& row) {
  const std::int64_t rows = x.count, channels = x.channels;
  const auto width = static_cast<std::size_t>(channels);
  const std::int64_t parts = std::clamp<std::int64_t>(rows * channels / (16 * 1024), 1, omp_get_max_threads());
  std::vector<double> sums(2 * width * static_cast<std::size_t>(parts));
  cpu::for_each_block(
      parts,
      [&](std::int64_t begin, std::int64_t end) {
        std::vector<T> few(2 * width);
        Source<T> from_x(&x), from_gy(gy), from_y(y);
        T* a = few.data();
        T* b = a + channels;
        for (std::int64_t part = begin; part < end; ++part) {
          double* total = sums.data() + 2 * width * static_cast<std::size_t>(part);
          const std::int64_t last = rows * (part + 1) / parts;
          for (std::int64_t i = rows * part / parts; i < last;) {
            std::fill(few.begin(), few.end(), T(0));
            for (const std::int64_t stop = std::min(i + kFlush, last); i < stop;) {
              const std::int64_t count = std::min(x.step(), stop - i);
              const T *xs = from_x.at(i, count), *gys = from_gy.at(i, count), *ys = from_y.at(i, count);
              for (std::int64_t k = 0; k < count * channels; k += channels)
                row(xs + k, from(gys, k), from(ys, k), a, b);
              i += count;
            }
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

/// Calls body(first, count) for stretches of the rows of one thread after another's; make() gives each thread its body.
template <class T, class Make>
void for_stretches(const Rows& x, const Make& make) {
  cpu::for_each_block(
      x.count,
      [&](std::int64_t begin, std::int64_t end) {
        auto body = make();
        for (std::int64_t i = begin; i < end;) {
          const std::int64_t count = std::min(x.step(), end - i);
          body(i, count);
          i += count;
        }
      },
      /*cost=*/3 * x.channels * static_cast<std::int64_t>(sizeof(T)));
}

/// The origin that the sums are taken from, so that no digits are lost to a large mean.
Array first_row(const Rows& x) {
  return x.array.ndim() == 2 ? x.array.select(0, 0) : x.array.select(0, 0).select(1, 0).select(1, 0);
}

std::array<Array, 2> batch_statistics_cpu(const Array& x) {
  const Rows rows(x);
  std::array<Array, 2> result;
  cpu::dispatch_computed(x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t width = rows.channels;
    const std::vector<T> first = per_channel<T>(rows.count == 0 ? zeros({width}) : first_row(rows));
    const T* origin = first.data();
    result =
        sum_rows<T>(rows, nullptr, nullptr, [=](const T* line, const T*, const T*, T* __restrict a, T* __restrict b) {
          for (std::int64_t c = 0; c < width; ++c) {
            const T d = line[c] - origin[c];
            a[c] += d;
            b[c] += d * d;
          }
        });
    for (std::int64_t c = 0; c < width; ++c) {
      double& mean = result[0].data<double>()[c];
      double& variance = result[1].data<double>()[c];
      mean /= static_cast<double>(rows.count);
      variance = std::max(0.0, variance / static_cast<double>(rows.count) - mean * mean);
      mean += static_cast<double>(origin[c]);
    }
  });
  return result;
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

template <class T, bool kRelu>
void scale_and_shift_rows(const Rows& x, const T* scale, const T* shift, const Rows* residual, const Rows& y) {
  const std::int64_t width = x.channels;
  const auto relu = [](T v) { return kRelu && v < 0 ? T(0) : v; };
  for_stretches<T>(x, [&] {
    return [=, from_x = Source<T>(&x), from_residual = Source<T>(residual), to_y = Target<T>(&y)](
               std::int64_t row, std::int64_t count) mutable {
      const T *xs = from_x.at(row, count), *added = from_residual.at(row, count);
      T* ys = to_y.at(row);
      for (std::int64_t k = 0; k < count * width; k += width) {
        if (added) {
#pragma omp simd
          for (std::int64_t c = 0; c < width; ++c) ys[k + c] = relu(xs[k + c] * scale[c] + shift[c] + added[k + c]);
        } else {
#pragma omp simd
          for (std::int64_t c = 0; c < width; ++c) ys[k + c] = relu(xs[k + c] * scale[c] + shift[c]);
        }
      }
      to_y.done(row, count);
    };
  });
}

Array scale_and_shift_cpu(const Array& x, const Array& scale, const Array& shift, const Array& residual, bool relu) {
  const Rows rows(x), added(residual ? residual : x);
  const Array y = like_rows(x);
  const Rows out(y);
  cpu::dispatch_computed(x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::vector<T> a = per_channel<T>(scale), b = per_channel<T>(shift);
    const Rows* z = residual ? &added : nullptr;
    relu ? scale_and_shift_rows<T, true>(rows, a.data(), b.data(), z, out)
         : scale_and_shift_rows<T, false>(rows, a.data(), b.data(), z, out);
  });
  return y;
}

/// Per-channel numbers in the type that is computed in.
template <class T>
struct Gradient {
  std::vector<T> mean, inv_std, scale, shift;
  explicit Gradient(const NormalizedBatch& b)
      : mean(per_channel<T>(b.mean)),
        inv_std(per_channel<T>(b.inv_std)),
        scale(per_channel<T>(b.scale)),
        shift(per_channel<T>(b.shift)) {}
};

/// Calls body(passes), where passes(x, y, c) tells whether the gradient passes relu at channel c of a row.
template <class T, class Body>
void with_mask(const NormalizedBatch& batch, const Gradient<T>& g, const Body& body) {
  const T* scale = g.scale.data();
  const T* shift = g.shift.data();
  switch (batch.mask) {
    case ReluMask::kNone:
      return body([](const T*, const T*, std::int64_t) { return true; });
    case ReluMask::kFromInput:
      return body([=](const T* x, const T*, std::int64_t c) { return x[c] * scale[c] + shift[c] > 0; });
    case ReluMask::kFromOutput:
      return body([](const T*, const T* y, std::int64_t c) { return y[c] > 0; });
  }
}

std::array<Array, 2> sums_cpu(const Array& gy, const NormalizedBatch& batch) {
  const Rows x(batch.x), gradient(gy), output(batch.y ? batch.y : batch.x);
  std::array<Array, 2> result;
  cpu::dispatch_computed(gy.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Gradient<T> g(batch);
    const T* mean = g.mean.data();
    const T* inv_std = g.inv_std.data();
    const std::int64_t width = x.channels;
    const Rows* masks = batch.mask == ReluMask::kFromOutput ? &output : nullptr;
    with_mask<T>(batch, g, [&](const auto& passes) {
      result = sum_rows<T>(x, &gradient, masks,
                           [=](const T* xs, const T* gys, const T* ys, T* __restrict a, T* __restrict b) {
#pragma omp simd
                             for (std::int64_t c = 0; c < width; ++c) {
                               const T arrived = gys[c];  // loaded in any case, so that the choice is no branch
                               const T gradient_here = passes(xs, ys, c) ? arrived : T(0);
                               a[c] += gradient_here;
                               b[c] += gradient_here * (xs[c] - mean[c]) * inv_std[c];
                             }
                           });
    });
  });
  return result;
}

/// gx = p gy' + q x + r, three numbers a channel, and gy' itself if it is wanted.
template <class T, class Passes>
void gradient_rows(const Rows& x, const Rows& gy, const Rows* y, const Rows& gx, const Rows* masked, const T* p,
                   const T* q, const T* r, const Passes& passes) {
  const std::int64_t width = x.channels;
  for_stretches<T>(x, [&] {
    return [=, from_x = Source<T>(&x), from_gy = Source<T>(&gy), from_y = Source<T>(y), to_gx = Target<T>(&gx),
            to_masked = Target<T>(masked)](std::int64_t row, std::int64_t count) mutable {
      const T *xs = from_x.at(row, count), *gys = from_gy.at(row, count), *ys = from_y.at(row, count);
      T *out = to_gx.at(row), *residual = to_masked.at(row);
      for (std::int64_t k = 0; k < count * width; k += width) {
        const T *x_row = xs + k, *y_row = from(ys, k);
        const auto gradient_at = [&](std::int64_t c) {
          const T arrived = gys[k + c];
          return passes(x_row, y_row, c) ? arrived : T(0);
        };
        if (residual) {
#pragma omp simd
          for (std::int64_t c = 0; c < width; ++c) {
            const T gradient_here = gradient_at(c);
            residual[k + c] = gradient_here;
            out[k + c] = p[c] * gradient_here + (q[c] * xs[k + c] + r[c]);
          }
        } else {
#pragma omp simd
          for (std::int64_t c = 0; c < width; ++c) out[k + c] = p[c] * gradient_at(c) + (q[c] * xs[k + c] + r[c]);
        }
      }
      to_gx.done(row, count);
      to_masked.done(row, count);
    };
  });
}

std::array<Array, 2> grad_cpu(const Array& gy, const NormalizedBatch& batch, const Array& gbeta, const Array& ggamma,
                              bool wants_residual) {
  const Rows x(batch.x), gradient(gy), output(batch.y ? batch.y : batch.x);
  const Array gx = like_rows(batch.x), masked = wants_residual ? like_rows(batch.x) : Array();
  const Rows gx_rows(gx), masked_rows(wants_residual ? masked : gx);
  cpu::dispatch_computed(gy.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Gradient<T> g(batch);
    std::vector<T> q(g.mean.size()), r(g.mean.size());
    for (std::size_t c = 0; c < q.size(); ++c) {
      const double scale = batch.scale.data<double>()[c];
      const double slope = batch.inv_std.data<double>()[c] * ggamma.data<double>()[c] / batch.count;
      q[c] = static_cast<T>(-scale * slope);
      r[c] = static_cast<T>(scale * (slope * batch.mean.data<double>()[c] - gbeta.data<double>()[c] / batch.count));
    }
    const Rows* masks = batch.mask == ReluMask::kFromOutput ? &output : nullptr;
    with_mask<T>(batch, g, [&](const auto& passes) {
      gradient_rows<T>(x, gradient, masks, gx_rows, wants_residual ? &masked_rows : nullptr, g.scale.data(), q.data(),
                       r.data(), passes);
    });
  });
  return {gx, masked};
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
