#include "core/kernels/lstm.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/parallel.h"
#include "core/kernels/cpu/vector_math.h"

namespace rensa::kernels {
namespace {

/// c += a b (or a bᵀ), row-major: a (m, k), c (m, n).
template <class T>
void add_product(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t a_row, const T* b,
                 bool transposed, T* c, std::int64_t c_row) {
  if (m == 0 || n == 0 || k == 0) return;
  const CBLAS_TRANSPOSE form = transposed ? CblasTrans : CblasNoTrans;
  const auto narrow = [](std::int64_t x) { return static_cast<int>(x); };
  const int b_row = narrow(transposed ? k : n);
  if constexpr (std::is_same_v<T, float>) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, form, narrow(m), narrow(n), narrow(k), 1.0f, a, narrow(a_row), b, b_row,
                1.0f, c, narrow(c_row));
  } else {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, form, narrow(m), narrow(n), narrow(k), 1.0, a, narrow(a_row), b, b_row,
                1.0, c, narrow(c_row));
  }
}

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

/// The gradient of step_row; gh is read, gc moves on to the step before, the gates become their sums' gradients.
template <class T>
void step_row_grad(T* gates, const T* c_before, const T* c, const T* gh, T* gc, T* root, std::int64_t n) {
  tanh_of(c, root, n);
  T *a = gates, *i = gates + n, *f = gates + 2 * n, *o = gates + 3 * n;
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) {
    const T all = gc[k] + gh[k] * o[k] * (1 - root[k] * root[k]);
    const T of_o = gh[k] * root[k] * o[k] * (1 - o[k]);
    const T of_i = all * a[k] * i[k] * (1 - i[k]);
    const T of_f = all * c_before[k] * f[k] * (1 - f[k]);
    gc[k] = all * f[k];
    a[k] = all * i[k] * (1 - a[k] * a[k]);
    i[k] = of_i;
    f[k] = of_f;
    o[k] = of_o;
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

std::array<Array, 4> lstm_steps_cpu(const Array& gates, const Array& hx, const Array& cx, const Array& W,
                                    const LstmSteps& steps) {
  const std::int64_t n = hx.shape()[1], all = gates.shape()[0];
  Array y = empty({all, n}, gates.dtype()), cells = empty({all, n}, gates.dtype());
  Array last_h = hx.copy(), last_c = cx.copy();
  dispatch_floating(gates.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T *g = gates.data<T>(), *h = last_h.data<T>(), *c = last_c.data<T>(), *out = y.data<T>(), *kept = cells.data<T>();
    for (const Step& step : in_order(steps)) {
      add_product<T>(step.rows, 4 * n, n, h, n, W.data<T>(), /*transposed=*/true, g + step.first * 4 * n, 4 * n);
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

void lstm_steps_grad_cpu(const Array& gates, const Array& cells, const Array& cx, const Array& W, const Array& gy,
                         const Array& gh, const Array& gc, const LstmSteps& steps) {
  const std::int64_t n = cx.shape()[1];
  dispatch_floating(gates.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T *g = gates.data<T>(), *dh = gh.data<T>(), *dc = gc.data<T>();
    const T *c = cells.data<T>(), *start = cx.data<T>(), *from_y = gy.data<T>();
    const Array scratch = empty({std::max<std::int64_t>(1, cx.shape()[0]), n}, gates.dtype());
    const std::vector<Step> order = in_order(steps);
    for (std::size_t t = order.size(); t-- > 0;) {
      const Step& step = order[t];
      for_each_row(step.rows, n, [&](std::int64_t r) {
        const std::int64_t at = (step.first + r) * n;
        T* of_h = dh + r * n;
#pragma GCC ivdep
        for (std::int64_t k = 0; k < n; ++k) of_h[k] += from_y[at + k];
        const T* earlier = before(order, t, r, c, n);
        step_row_grad(g + 4 * at, earlier ? earlier : start + r * n, c + at, of_h, dc + r * n,
                      scratch.data<T>() + r * n, n);
        std::fill_n(of_h, n, T(0));
      });
      add_product<T>(step.rows, n, 4 * n, g + step.first * 4 * n, 4 * n, W.data<T>(), /*transposed=*/false, dh, n);
    }
  });
}

Array lstm_states_before_cpu(const Array& y, const Array& hx, const LstmSteps& steps) {
  const std::int64_t n = hx.shape()[1];
  Array states = empty(y.shape(), y.dtype());
  dispatch_floating(y.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::vector<Step> order = in_order(steps);
    for (std::size_t t = 0; t < order.size(); ++t) {
      for_each_row(order[t].rows, n, [&](std::int64_t r) {
        const T* earlier = before(order, t, r, y.data<T>(), n);
        std::copy_n(earlier ? earlier : hx.data<T>() + r * n, n, states.data<T>() + (order[t].first + r) * n);
      });
    }
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
