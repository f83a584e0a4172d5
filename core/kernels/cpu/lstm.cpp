#include "core/kernels/lstm.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/gemm.h"
#include "core/kernels/cpu/onednn/packed_matrix.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

void sigmoid_of(float* x, std::int64_t count) { cpu::vector_sigmoid(x, x, count); }
void tanh_of(const float* x, float* y, std::int64_t count) { cpu::vector_tanh(x, y, count); }
void sigmoid_of(double* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const double e = std::exp(-std::abs(x[i]));
    x[i] = (x[i] < 0 ? e : 1) / (1 + e);
  }
}
void tanh_of(const double* x, double* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = std::tanh(x[i]);
}

/// One row's step: the gates' sums become the gates. `c` may be where `c_before` is.
template <class T>
void step_row(T* gates, const T* c_before, T* c, T* h, std::int64_t n) {
  tanh_of(gates, gates, n);
  sigmoid_of(gates + n, 3 * n);
  const T *a = gates, *i = gates + n, *f = gates + 2 * n, *o = gates + 3 * n;
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) c[k] = a[k] * i[k] + c_before[k] * f[k];
  tanh_of(c, h, n);
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) h[k] *= o[k];
}

/// The gradient of step_row with respect to the gates' sums, to `sums`; gh is read, gc moves on to the step before.
template <class T>
void step_row_grad(const T* gates, const T* c_before, const T* c, const T* gh, T* gc, T* sums, std::int64_t n) {
  const T *a = gates, *i = gates + n, *f = gates + 2 * n, *o = gates + 3 * n;
  T *of_a = sums, *of_i = sums + n, *of_f = sums + 2 * n, *of_o = sums + 3 * n;
  tanh_of(c, of_o, n);  // tanh(c) lies there until the gradient of o replaces it
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) {
    const T root = of_o[k];
    const T all = gc[k] + gh[k] * o[k] * (1 - root * root);
    gc[k] = all * f[k];
    of_a[k] = all * i[k] * (1 - a[k] * a[k]);
    of_i[k] = all * a[k] * i[k] * (1 - i[k]);
    of_f[k] = all * c_before[k] * f[k] * (1 - f[k]);
    of_o[k] = gh[k] * root * o[k] * (1 - o[k]);
  }
}

struct Step {
  std::int64_t first, rows;
};

/// The steps in the order of time.
std::vector<Step> in_order(const LstmSteps& steps) {
  std::vector<Step> order;
  std::int64_t first = 0;
  for (const std::int64_t rows : steps.rows) {
    order.push_back({first, rows});
    first += rows;
  }
  if (steps.backwards) std::reverse(order.begin(), order.end());
  return order;
}

template <class Body>
void for_each_row(std::int64_t rows, std::int64_t n, const Body& body) {
  cpu::for_each_block(
      rows,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) body(r);
      },
      /*cost=*/64 * n);
}

/// The second factor (k, n) of every step's product. A library brings it into its own order at each step anew; in
/// float32 that is done once: products of 16 to 64 rows then take 0.3 to 0.85 of the time.
template <class T>
class StepFactor {
 public:
  StepFactor(const Array& b, const LstmSteps& steps) : b_(b), k_(b.shape()[0]), n_(b.shape()[1]) {
    if constexpr (std::is_same_v<T, float>) {
      if (is_worth_packing(steps.rows)) packed_.emplace(b, steps.rows.front());
    }
  }

  /// c (m, n) += a b with a (m, k), both contiguous.
  void add_product(std::int64_t m, const T* a, T* c) const {
    if constexpr (std::is_same_v<T, float>) {
      if (packed_) return packed_->add_product(m, a, c);
    }
    const bool transposed = b_.strides()[1] != 1;
    cpu::gemm(m, n_, k_, T(1), {a, k_}, {b_.data<T>(), transposed ? k_ : n_, transposed}, T(1), c, n_);
  }

 private:
  /// Packing takes as long as one or two steps save, and each number of rows has a primitive of its own, which is made
  /// once.
  bool is_worth_packing(const std::vector<std::int64_t>& rows) const {
    constexpr std::size_t kEnoughSteps = 4;
    constexpr std::int64_t kManyPrimitives = 64;
    return rows.size() >= kEnoughSteps && rows.front() * k_ * n_ > cpu::kLargeProduct &&
           rows.front() - rows.back() < kManyPrimitives && cpu::onednn_multiplies_faster();
  }

  Array b_;
  std::int64_t k_, n_;
  std::optional<onednn::PackedMatrix> packed_;
};

std::array<Array, 4> lstm_steps_cpu(const Array& gates, const Array& hx, const Array& cx, const Array& W,
                                    const LstmSteps& steps) {
  const std::int64_t n = hx.shape()[1], all = gates.shape()[0];
  Array y = empty({all, n}, gates.dtype()), cells = empty({all, n}, gates.dtype());
  Array last_h = hx.copy(), last_c = cx.copy();
  dispatch_floating(gates.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T *g = gates.data<T>(), *h = last_h.data<T>(), *c = last_c.data<T>(), *out = y.data<T>(), *kept = cells.data<T>();
    const StepFactor<T> weights(W.transpose(), steps);
    for (const Step& step : in_order(steps)) {
      weights.add_product(step.rows, h, g + step.first * 4 * n);
      for_each_row(step.rows, n, [&](std::int64_t r) {
        const std::int64_t at = (step.first + r) * n;
        step_row(g + 4 * at, c + r * n, c + r * n, h + r * n, n);
        std::copy_n(c + r * n, n, kept + at);
        std::copy_n(h + r * n, n, out + at);
      });
    }
  });
  return {y, cells, last_h, last_c};
}

/// The row of `of_steps` that holds what row r of step number `t` (in the order of time) had before it, or nullptr for
/// the start.
template <class T>
const T* before(const std::vector<Step>& order, std::size_t t, std::int64_t r, const T* of_steps, std::int64_t n) {
  if (t == 0 || r >= order[t - 1].rows) return nullptr;
  return of_steps + (order[t - 1].first + r) * n;
}

Array lstm_steps_grad_cpu(const Array& gates, const Array& cells, const Array& cx, const Array& W, const Array& gy,
                          const Array& gh, const Array& gc, const LstmSteps& steps) {
  const std::int64_t n = cx.shape()[1];
  Array sums = empty(gates.shape(), gates.dtype());
  dispatch_floating(gates.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T *of_sums = sums.data<T>(), *dh = gh.data<T>(), *dc = gc.data<T>();
    const T *g = gates.data<T>(), *c = cells.data<T>(), *start = cx.data<T>(), *from_y = gy.data<T>();
    const std::vector<Step> order = in_order(steps);
    const StepFactor<T> weights(W, steps);
    for (std::size_t t = order.size(); t-- > 0;) {
      const Step& step = order[t];
      for_each_row(step.rows, n, [&](std::int64_t r) {
        const std::int64_t at = (step.first + r) * n;
        T* of_h = dh + r * n;
#pragma GCC ivdep
        for (std::int64_t k = 0; k < n; ++k) of_h[k] += from_y[at + k];
        const T* earlier = before(order, t, r, c, n);
        step_row_grad(g + 4 * at, earlier ? earlier : start + r * n, c + at, of_h, dc + r * n, of_sums + 4 * at, n);
        std::fill_n(of_h, n, T(0));
      });
      weights.add_product(step.rows, of_sums + step.first * 4 * n, dh);
    }
  });
  return sums;
}

Array lstm_states_before_cpu(const Array& y, const Array& hx, const LstmSteps& steps) {
  const std::int64_t n = hx.shape()[1];
  Array states = empty(y.shape(), y.dtype());
  dispatch_floating(y.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::vector<Step> order = in_order(steps);
    std::vector<const T*> sources(static_cast<std::size_t>(y.shape()[0]));  // of all rows: one turn of the threads
    for (std::size_t t = 0; t < order.size(); ++t) {
      for (std::int64_t r = 0; r < order[t].rows; ++r) {
        const T* earlier = before(order, t, r, y.data<T>(), n);
        sources[static_cast<std::size_t>(order[t].first + r)] = earlier ? earlier : hx.data<T>() + r * n;
      }
    }
    T* to = states.data<T>();
    cpu::for_each_block(
        y.shape()[0],
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t r = begin; r < end; ++r) std::copy_n(sources[static_cast<std::size_t>(r)], n, to + r * n);
        },
        /*cost=*/2 * n * static_cast<std::int64_t>(sizeof(T)));
  });
  return states;
}

/// Nobody's layer is better here than what lstm_steps does.
LstmLayer no_layer(const Array&, const Array&, const Array&, const Array&, const Array&, const Array&,
                   const std::vector<std::int64_t>&, bool) {
  return {};
}

const Implementation cpu_lstm_layer(lstm_layer, DeviceKind::kCpu, no_layer);
const Implementation cpu_lstm_steps(lstm_steps, DeviceKind::kCpu, lstm_steps_cpu);
const Implementation cpu_lstm_steps_grad(lstm_steps_grad, DeviceKind::kCpu, lstm_steps_grad_cpu);
const Implementation cpu_lstm_states_before(lstm_states_before, DeviceKind::kCpu, lstm_states_before_cpu);

}  // namespace
}  // namespace rensa::kernels
