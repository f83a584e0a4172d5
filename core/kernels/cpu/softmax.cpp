#include "core/kernels/softmax.h"

#include <algorithm>
#include <cmath>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

/// Calls line(index) for each line of an array, on several threads. A line takes about one exponential an element.
template <class Line>
void for_each_line(std::int64_t lines, std::int64_t length, Line&& line) {
  cpu::for_each_block(
      lines,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) line(i);
      },
      /*cost=*/16 * length);
}

std::int64_t line_length(const Array& x) { return x.shape().back(); }
std::int64_t line_count(const Array& x) { return x.size() == 0 ? 0 : x.size() / line_length(x); }

/// The largest element; the loop is a vector loop.
template <class T>
T maximum_of(const T* x, std::int64_t n) {
  constexpr std::int64_t kLanes = 16;
  T lanes[kLanes];
  std::fill_n(lanes, kLanes, x[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  }
  for (; i < n; ++i) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

/// y = exp(x - shift), and the sum of them.
double exp_sum(const float* x, float shift, float* y, std::int64_t n) { return cpu::vector_exp_sum(x, shift, y, n); }
double exp_sum(const double* x, double shift, double* y, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += y[i] = std::exp(x[i] - shift);
  return sum;
}

/// The maximum of a line and the logarithm of the sum of exp(x - maximum).
template <class T>
struct LogSum {
  T maximum, log_sum;
  LogSum(const T* x, std::int64_t n) : maximum(maximum_of(x, n)) {
    constexpr std::int64_t kChunk = 1024;
    T chunk[kChunk];
    double sum = 0;
    for (std::int64_t i = 0; i < n; i += kChunk) sum += exp_sum(x + i, maximum, chunk, std::min(kChunk, n - i));
    log_sum = static_cast<T>(std::log(sum));
  }
};

template <class T>
void softmax_line(const T* x, T* y, std::int64_t n) {
  const T share = static_cast<T>(1 / exp_sum(x, maximum_of(x, n), y, n));
  for (std::int64_t i = 0; i < n; ++i) y[i] *= share;
}

template <class T>
void log_softmax_line(const T* x, T* y, std::int64_t n) {
  const LogSum<T> s(x, n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] - s.maximum - s.log_sum;
}

template <class T>
void softmax_grad_line(const T* y, const T* gy, T* gx, std::int64_t n) {
  T dot = 0;
  for (std::int64_t i = 0; i < n; ++i) dot += gy[i] * y[i];
  for (std::int64_t i = 0; i < n; ++i) gx[i] = y[i] * (gy[i] - dot);
}

template <class T>
void log_softmax_grad_line(const T* y, const T* gy, T* gx, std::int64_t n) {
  T sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += gy[i];
  exp_sum(y, T(0), gx, n);
  for (std::int64_t i = 0; i < n; ++i) gx[i] = gy[i] - gx[i] * sum;
}

/// Applies a line's formula to whole arrays.
template <class Float, class Double, class... Inputs>
Array map_lines(const char* name, Float f32, Double f64, const Array& first, const Inputs&... others) {
  Array result = empty(first.shape(), first.dtype());
  const std::int64_t n = line_length(first);
  dispatch_floating(first.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = result.data<T>();
    for_each_line(line_count(first), n, [&](std::int64_t i) {
      if constexpr (std::is_same_v<T, float>) {
        f32(first.data<T>() + i * n, others.template data<T>() + i * n..., out + i * n, n);
      } else {
        f64(first.data<T>() + i * n, others.template data<T>() + i * n..., out + i * n, n);
      }
    });
  });
  return result;
}

template <class Body>
void dispatch_labels(const Array& t, Body&& body) {
  if (t.dtype() == Dtype::kInt32) return body(t.data<std::int32_t>());
  if (t.dtype() == Dtype::kInt64) return body(t.data<std::int64_t>());
  throw DtypeError("softmax_cross_entropy: labels are ", t.dtype(), ", expected int32 or int64.");
}

void check_labels(const ClassTargets& targets, std::int64_t classes) {
  dispatch_labels(targets.t, [&](const auto* t) {
    for (std::int64_t i = 0; i < targets.t.size(); ++i) {
      if (t[i] == targets.ignore_label || (t[i] >= 0 && t[i] < classes)) continue;
      throw ValueError("softmax_cross_entropy: label ", i, " is ", t[i], ", expected 0 to ", classes - 1,
                       " or the ignored label ", targets.ignore_label, ".");
    }
  });
}

/// The cross entropy is log_sum - (1 - s) x[t] - s mean(x), with the line's maximum taken off x.
Array cross_entropy_cpu(const Array& x, const ClassTargets& targets) {
  const std::int64_t n = line_length(x);
  check_labels(targets, n);
  Array losses = empty(targets.t.shape(), x.dtype());
  dispatch_floating(x.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* xs = x.data<T>();
    T* out = losses.data<T>();
    const T smoothing = static_cast<T>(targets.label_smoothing);
    dispatch_labels(targets.t, [&](const auto* t) {
      for_each_line(line_count(x), n, [&](std::int64_t i) {
        out[i] = 0;
        if (t[i] == targets.ignore_label) return;
        const T* line = xs + i * n;
        const LogSum<T> s(line, n);
        T target = (1 - smoothing) * (line[t[i]] - s.maximum);
        if (smoothing > 0) {
          T sum = 0;
          for (std::int64_t c = 0; c < n; ++c) sum += line[c] - s.maximum;
          target += smoothing * sum / static_cast<T>(n);
        }
        out[i] = s.log_sum - target;
      });
    });
  });
  return losses;
}

Array cross_entropy_grad_cpu(const Array& x, const ClassTargets& targets, const Array& g) {
  const std::int64_t n = line_length(x);
  Array gx = empty(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* xs = x.data<T>();
    const T* gs = g.data<T>();
    T* out = gx.data<T>();
    const T smoothing = static_cast<T>(targets.label_smoothing);
    dispatch_labels(targets.t, [&](const auto* t) {
      for_each_line(line_count(x), n, [&](std::int64_t i) {
        T* line = out + i * n;
        if (t[i] == targets.ignore_label) {
          std::fill_n(line, n, T(0));
          return;
        }
        softmax_line(xs + i * n, line, n);
        line[t[i]] -= 1 - smoothing;
        for (std::int64_t c = 0; c < n; ++c) line[c] = gs[i] * (line[c] - smoothing / static_cast<T>(n));
      });
    });
  });
  return gx;
}

Array softmax_cpu(const Array& x) { return map_lines("softmax", softmax_line<float>, softmax_line<double>, x); }
Array log_softmax_cpu(const Array& x) {
  return map_lines("log_softmax", log_softmax_line<float>, log_softmax_line<double>, x);
}
Array softmax_grad_cpu(const Array& y, const Array& gy) {
  return map_lines("softmax_grad", softmax_grad_line<float>, softmax_grad_line<double>, y, gy);
}
Array log_softmax_grad_cpu(const Array& y, const Array& gy) {
  return map_lines("log_softmax_grad", log_softmax_grad_line<float>, log_softmax_grad_line<double>, y, gy);
}

constexpr DeviceKind kCpu = DeviceKind::kCpu;
const Implementation cpu_softmax(softmax, kCpu, cpu::in_float32<softmax_cpu>);
const Implementation cpu_log_softmax(log_softmax, kCpu, cpu::in_float32<log_softmax_cpu>);
const Implementation cpu_softmax_grad(softmax_grad, kCpu, cpu::in_float32<softmax_grad_cpu>);
const Implementation cpu_log_softmax_grad(log_softmax_grad, kCpu, cpu::in_float32<log_softmax_grad_cpu>);
const Implementation cpu_cross_entropy(softmax_cross_entropy, kCpu, cpu::in_float32<cross_entropy_cpu>);
const Implementation cpu_cross_entropy_grad(softmax_cross_entropy_grad, kCpu, cpu::in_float32<cross_entropy_grad_cpu>);

}  // namespace
}  // namespace rensa::kernels
