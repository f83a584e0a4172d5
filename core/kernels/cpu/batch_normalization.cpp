#include "core/kernels/batch_normalization.h"

#include <omp.h>

#include <algorithm>
#include <vector>

#include "core/array/dispatch.h"
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
  template <class T>
  const T* data() const {
    return array.data<T>();
  }
};

Array like_rows(const Array& x) {
  return empty(x.shape(), x.dtype(), {}, x.ndim() == 2 ? Layout::kRowMajor : Layout::kChannelsLast);
}

template <class T>
std::vector<T> per_channel(const Array& values) {
  return to_vector<T>(values);
}

constexpr std::int64_t kFlush = 64;  ///< rows that are added in T before the sum goes on in float64

/// Two sums a channel over all rows. `row(i, a, b)` adds what row i gives to a[c] and b[c]. Parts are added in their order:
/// the same bits for the same number of threads.
template <class T, class Row>
std::array<Array, 2> sum_rows(std::int64_t rows, std::int64_t channels, const Row& row) {
  const auto width = static_cast<std::size_t>(channels);
  const std::int64_t parts = std::clamp<std::int64_t>(rows * channels / (16 * 1024), 1, omp_get_max_threads());
  std::vector<double> sums(2 * width * static_cast<std::size_t>(parts));
  cpu::for_each_block(
      parts,
      [&](std::int64_t begin, std::int64_t end) {
        std::vector<T> few(2 * width);
        T* a = few.data();
        T* b = a + channels;
        for (std::int64_t part = begin; part < end; ++part) {
          double* total = sums.data() + 2 * width * static_cast<std::size_t>(part);
          const std::int64_t last = rows * (part + 1) / parts;
          for (std::int64_t i = rows * part / parts; i < last;) {
            std::fill(few.begin(), few.end(), T(0));
            for (const std::int64_t stop = std::min(i + kFlush, last); i < stop; ++i) row(i, a, b);
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

template <class T, class Body>
void for_rows(std::int64_t rows, std::int64_t channels, const Body& body) {
  cpu::for_each_block(
      rows,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) body(i * channels);
      },
      /*cost=*/3 * channels * static_cast<std::int64_t>(sizeof(T)));
}

/// Deviations from the first row instead of from zero: then the squares' sum loses nothing when the mean is large.
std::array<Array, 2> batch_statistics_cpu(const Array& x) {
  const Rows rows(x);
  std::array<Array, 2> result;
  dispatch_floating(x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* xs = rows.data<T>();
    const std::int64_t width = rows.channels;
    result = sum_rows<T>(rows.count, width, [=](std::int64_t i, T* __restrict a, T* __restrict b) {
      const T* line = xs + i * width;
      for (std::int64_t c = 0; c < width; ++c) {
        const T d = line[c] - xs[c];
        a[c] += d;
        b[c] += d * d;
      }
    });
    for (std::int64_t c = 0; c < width; ++c) {
      double& mean = result[0].data<double>()[c];
      double& variance = result[1].data<double>()[c];
      mean /= static_cast<double>(rows.count);
      variance = std::max(0.0, variance / static_cast<double>(rows.count) - mean * mean);
      mean += static_cast<double>(xs[c]);
    }
  });
  return result;
}

template <class T, bool kRelu>
void scale_and_shift_rows(const Rows& rows, const T* scale, const T* shift, const T* residual, T* y) {
  const std::int64_t width = rows.channels;
  const T* x = rows.data<T>();
  const auto relu = [](T v) { return kRelu && v < 0 ? T(0) : v; };
  if (residual) {
    for_rows<T>(rows.count, width, [=](std::int64_t at) {
      for (std::int64_t c = 0; c < width; ++c) y[at + c] = relu(x[at + c] * scale[c] + shift[c] + residual[at + c]);
    });
  } else {
    for_rows<T>(rows.count, width, [=](std::int64_t at) {
      for (std::int64_t c = 0; c < width; ++c) y[at + c] = relu(x[at + c] * scale[c] + shift[c]);
    });
  }
}

Array scale_and_shift_cpu(const Array& x, const Array& scale, const Array& shift, const Array& residual, bool relu) {
  const Rows rows(x);
  const Array added = residual ? Rows(residual).array : Array();
  Array y = like_rows(x);
  dispatch_floating(x.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::vector<T> a = per_channel<T>(scale), b = per_channel<T>(shift);
    const T* z = added ? added.data<T>() : nullptr;
    relu ? scale_and_shift_rows<T, true>(rows, a.data(), b.data(), z, y.data<T>())
         : scale_and_shift_rows<T, false>(rows, a.data(), b.data(), z, y.data<T>());
  });
  return y;
}

/// Per-channel numbers in the elements' type, and gy behind relu at one element.
template <class T>
struct Gradient {
  std::vector<T> mean, inv_std, scale, shift;
  explicit Gradient(const NormalizedBatch& b)
      : mean(per_channel<T>(b.mean)),
        inv_std(per_channel<T>(b.inv_std)),
        scale(per_channel<T>(b.scale)),
        shift(per_channel<T>(b.shift)) {}
};

/// Calls body(passes), where passes(i, c) tells whether the gradient passes relu at element i of channel c.
template <class T, class Body>
void with_mask(const NormalizedBatch& batch, const Rows& x, const Rows* y, const Gradient<T>& g, const Body& body) {
  const T* xs = x.data<T>();
  const T* scale = g.scale.data();
  const T* shift = g.shift.data();
  switch (batch.mask) {
    case ReluMask::kNone: return body([](std::int64_t, std::int64_t) { return true; });
    case ReluMask::kFromInput:
      return body([=](std::int64_t i, std::int64_t c) { return xs[i] * scale[c] + shift[c] > 0; });
    case ReluMask::kFromOutput: {
      const T* ys = y->data<T>();
      return body([=](std::int64_t i, std::int64_t) { return ys[i] > 0; });
    }
  }
}

std::array<Array, 2> sums_cpu(const Array& gy, const NormalizedBatch& batch) {
  const Rows x(batch.x), gradient(gy), output(batch.y ? batch.y : batch.x);
  std::array<Array, 2> result;
  dispatch_floating(gy.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Gradient<T> g(batch);
    const T* xs = x.data<T>();
    const T* gys = gradient.data<T>();
    const T* mean = g.mean.data();
    const T* inv_std = g.inv_std.data();
    const std::int64_t width = x.channels;
    with_mask<T>(batch, x, &output, g, [&](const auto& passes) {
      result = sum_rows<T>(x.count, width, [=](std::int64_t row, T* __restrict a, T* __restrict b) {
#pragma omp simd
        for (std::int64_t c = 0; c < width; ++c) {
          const std::int64_t i = row * width + c;
          const T arrived = gys[i];  // loaded in any case, so that the choice is a mask and not a branch
          const T gradient_here = passes(i, c) ? arrived : T(0);
          a[c] += gradient_here;
          b[c] += gradient_here * (xs[i] - mean[c]) * inv_std[c];
        }
      });
    });
  });
  return result;
}

std::array<Array, 2> grad_cpu(const Array& gy, const NormalizedBatch& batch, const Array& gbeta, const Array& ggamma,
                              bool wants_residual) {
  const Rows x(batch.x), gradient(gy), output(batch.y ? batch.y : batch.x);
  Array gx = like_rows(batch.x);
  Array masked = wants_residual ? like_rows(batch.x) : Array();
  dispatch_floating(gy.dtype(), "batch_normalization", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Gradient<T> g(batch);
    const std::int64_t width = x.channels;
    // gx = p gy' + q x + r, three numbers a channel.
    std::vector<T> q(g.mean.size()), r(g.mean.size());
    for (std::size_t c = 0; c < q.size(); ++c) {
      const double scale = batch.scale.data<double>()[c];
      const double slope = batch.inv_std.data<double>()[c] * ggamma.data<double>()[c] / batch.count;
      q[c] = static_cast<T>(-scale * slope);
      r[c] = static_cast<T>(scale * (slope * batch.mean.data<double>()[c] - gbeta.data<double>()[c] / batch.count));
    }
    const T* xs = x.data<T>();
    const T* gys = gradient.data<T>();
    T* out = gx.data<T>();
    T* residual = wants_residual ? masked.data<T>() : nullptr;
    const T *a = g.scale.data(), *b = q.data(), *k = r.data();
    with_mask<T>(batch, x, &output, g, [&](const auto& passes) {
      const auto gradient_at = [=](std::int64_t i, std::int64_t c) {
        const T arrived = gys[i];
        return passes(i, c) ? arrived : T(0);
      };
      if (residual) {
        for_rows<T>(x.count, width, [=](std::int64_t at) {
#pragma omp simd
          for (std::int64_t c = 0; c < width; ++c) {
            const T gradient_here = gradient_at(at + c, c);
            residual[at + c] = gradient_here;
            out[at + c] = a[c] * gradient_here + (b[c] * xs[at + c] + k[c]);
          }
        });
      } else {
        for_rows<T>(x.count, width, [=](std::int64_t at) {
#pragma omp simd
          for (std::int64_t c = 0; c < width; ++c) {
            out[at + c] = a[c] * gradient_at(at + c, c) + (b[c] * xs[at + c] + k[c]);
          }
        });
      }
    });
  });
  return {gx, masked};
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_statistics(batch_statistics, kCpu, batch_statistics_cpu);
const Implementation cpu_scale_and_shift(scale_and_shift, kCpu, scale_and_shift_cpu);
const Implementation cpu_sums(batch_normalization_sums, kCpu, sums_cpu);
const Implementation cpu_grad(batch_normalization_grad, kCpu, grad_cpu);

}  // namespace
}  // namespace rensa::kernels
