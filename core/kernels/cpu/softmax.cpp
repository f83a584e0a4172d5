#include "core/kernels/softmax.h"

#include <algorithm>
#include <cmath>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_softmax.h"

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

// What is done to a line: float32 in vectors, float64 here.

void softmax_line(const float* x, float* y, std::int64_t n) { cpu::vector_softmax(x, y, n); }
void log_softmax_line(const float* x, float* y, std::int64_t n) { cpu::vector_log_softmax(x, y, n); }
void softmax_grad_line(const float* y, const float* gy, float* gx, std::int64_t n) {
  cpu::vector_softmax_grad(y, gy, gx, n);
}
void log_softmax_grad_line(const float* y, const float* gy, float* gx, std::int64_t n) {
  cpu::vector_log_softmax_grad(y, gy, gx, n);
}

using cpu::LineSum;

LineSum line_sum(const float* x, std::int64_t n) { return cpu::vector_line_sum(x, n); }
LineSum line_sum(const double* x, std::int64_t n) {
  LineSum line{*std::max_element(x, x + n), 0};
  for (std::int64_t i = 0; i < n; ++i) line.sum += std::exp(x[i] - line.maximum);
  return line;
}

double sum_of_differences(const float* x, double shift, std::int64_t n) {
  return cpu::vector_sum_of_differences(x, static_cast<float>(shift), n);
}
double sum_of_differences(const double* x, double shift, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i] - shift;
  return sum;
}

void softmax_line(const double* x, double* y, std::int64_t n) {
  const double maximum = *std::max_element(x, x + n);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += y[i] = std::exp(x[i] - maximum);
  for (std::int64_t i = 0; i < n; ++i) y[i] *= 1 / sum;
}
void log_softmax_line(const double* x, double* y, std::int64_t n) {
  const auto [maximum, sum] = line_sum(x, n);
  const double log_sum = std::log(sum);
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] - maximum - log_sum;
}
void softmax_grad_line(const double* y, const double* gy, double* gx, std::int64_t n) {
  double dot = 0;
  for (std::int64_t i = 0; i < n; ++i) dot += gy[i] * y[i];
  for (std::int64_t i = 0; i < n; ++i) gx[i] = y[i] * (gy[i] - dot);
}
void log_softmax_grad_line(const double* y, const double* gy, double* gx, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += gy[i];
  for (std::int64_t i = 0; i < n; ++i) gx[i] = gy[i] - std::exp(y[i]) * sum;
}

/// gx = g (softmax(x) - everywhere)
void cross_entropy_grad_line(const float* x, const LineSum& line, double everywhere, float g, float* gx,
                             std::int64_t n) {
  cpu::vector_cross_entropy_grad(x, static_cast<float>(line.maximum), static_cast<float>(1 / line.sum),
                                 static_cast<float>(everywhere), g, gx, n);
}
void cross_entropy_grad_line(const double* x, const LineSum& line, double everywhere, double g, double* gx,
                             std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) gx[i] = g * (std::exp(x[i] - line.maximum) / line.sum - everywhere);
}

/// Applies line(inputs..., result, n) to the lines of whole arrays.
template <class Line, class... Inputs>
Array map_lines(const char* name, const Line& line, const Array& first, const Inputs&... others) {
  Array result = empty(first.shape(), first.dtype());
  const std::int64_t n = line_length(first);
  dispatch_floating(first.dtype(), name, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = result.data<T>();
    const auto run = [&](const auto*... in) {  // data() may throw, which a line must not
      for_each_line(line_count(first), n, [&](std::int64_t i) { line((in + i * n)..., out + i * n, n); });
    };
    run(static_cast<const T*>(first.data<T>()), static_cast<const T*>(others.template data<T>())...);
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

/// The cross entropy is log(sum) - (1 - s) x[t] - s mean(x), with the line's maximum taken off x.
std::array<Array, 2> cross_entropy_cpu(const Array& x, const ClassTargets& targets) {
  const std::int64_t n = line_length(x);
  check_labels(targets, n);
  Array losses = empty(targets.t.shape(), x.dtype()), line_sums = empty({line_count(x), 2}, Dtype::kFloat64);
  dispatch_floating(x.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* xs = x.data<T>();
    T* out = losses.data<T>();
    double* kept = line_sums.data<double>();
    const double smoothing = targets.label_smoothing;
    dispatch_labels(targets.t, [&](const auto* t) {
      for_each_line(line_count(x), n, [&](std::int64_t i) {
        const bool is_ignored = t[i] == targets.ignore_label;
        const T* line = xs + i * n;
        const auto [maximum, sum] = is_ignored ? LineSum{0, 1} : line_sum(line, n);
        kept[2 * i] = maximum;
        kept[2 * i + 1] = sum;
        out[i] = 0;
        if (is_ignored) return;
        double target = (1 - smoothing) * (static_cast<double>(line[t[i]]) - maximum);
        if (smoothing > 0) target += smoothing * sum_of_differences(line, maximum, n) / static_cast<double>(n);
        out[i] = static_cast<T>(std::log(sum) - target);
      });
    });
  });
  return {losses, line_sums};
}

Array cross_entropy_grad_cpu(const Array& x, const ClassTargets& targets, const Array& g, const Array& line_sums) {
  const std::int64_t n = line_length(x);
  Array gx = empty(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* xs = x.data<T>();
    const T* gs = g.data<T>();
    T* out = gx.data<T>();
    const double* kept = line_sums ? line_sums.data<double>() : nullptr;
    const double smoothing = targets.label_smoothing;
    dispatch_labels(targets.t, [&](const auto* t) {
      for_each_line(line_count(x), n, [&](std::int64_t i) {
        T* line = out + i * n;
        if (t[i] == targets.ignore_label) {
          std::fill_n(line, n, T(0));
          return;
        }
        const LineSum of_x = kept ? LineSum{kept[2 * i], kept[2 * i + 1]} : line_sum(xs + i * n, n);
        cross_entropy_grad_line(xs + i * n, of_x, smoothing / static_cast<double>(n), gs[i], line, n);
        line[t[i]] -= gs[i] * static_cast<T>(1 - smoothing);
      });
    });
  });
  return gx;
}

Array softmax_cpu(const Array& x) {
  return map_lines("softmax", [](const auto* in, auto* y, std::int64_t n) { softmax_line(in, y, n); }, x);
}
Array log_softmax_cpu(const Array& x) {
  return map_lines("log_softmax", [](const auto* in, auto* y, std::int64_t n) { log_softmax_line(in, y, n); }, x);
}
Array softmax_grad_cpu(const Array& y, const Array& gy) {
  const auto line = [](const auto* of_y, const auto* g, auto* gx, std::int64_t n) {
    softmax_grad_line(of_y, g, gx, n);
  };
  return map_lines("softmax_grad", line, y, gy);
}
Array log_softmax_grad_cpu(const Array& y, const Array& gy) {
  const auto line = [](const auto* of_y, const auto* g, auto* gx, std::int64_t n) {
    log_softmax_grad_line(of_y, g, gx, n);
  };
  return map_lines("log_softmax_grad", line, y, gy);
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
