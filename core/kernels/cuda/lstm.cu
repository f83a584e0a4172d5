#include "core/kernels/lstm.h"

#include <algorithm>

#include "core/kernels/cuda/blas.h"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/formulas/activation.h"

namespace rensa::kernels {
namespace {

using cuda::blocks_for;
using cuda::kThreads;
using cuda::Matrices;
using cuda::Operand;
using cuda::part;
using cuda::pointer;

/// The rows of all steps that belong to one.
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

/// The gates' sums become the gates; c and h move on.
template <class T>
__global__ void step_kernel(T* gates, T* c, T* h, T* cells, T* y, std::int64_t rows, std::int64_t n) {
  const std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (i >= rows * n) return;
  T* const g = gates + i / n * 4 * n + i % n;
  const formulas::Sigmoid sigmoid{};
  const T a = std::tanh(g[0]), in = sigmoid(g[n]), forget = sigmoid(g[2 * n]), out = sigmoid(g[3 * n]);
  g[0] = a;
  g[n] = in;
  g[2 * n] = forget;
  g[3 * n] = out;
  const T cell = a * in + c[i] * forget, state = std::tanh(cell) * out;
  c[i] = cells[i] = cell;
  h[i] = y[i] = state;
}

/// The gradient of step_kernel with respect to the gates' sums, to `sums`; gc moves on to the step before.
template <class T>
__global__ void step_grad_kernel(const T* gates, const T* cells, const T* earlier, std::int64_t earlier_rows,
                                 const T* start, const T* gy, const T* gh, T* gc, T* sums, std::int64_t rows,
                                 std::int64_t n) {
  const std::int64_t index = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (index >= rows * n) return;
  const std::int64_t at = index / n * 4 * n + index % n;
  const T a = gates[at], in = gates[at + n], forget = gates[at + 2 * n], out = gates[at + 3 * n];
  const T before = index / n < earlier_rows ? earlier[index] : start[index];
  const T root = std::tanh(cells[index]), of_h = gh[index] + gy[index];
  const T all = gc[index] + of_h * out * (1 - root * root);
  gc[index] = all * forget;
  sums[at] = all * in * (1 - a * a);
  sums[at + n] = all * a * in * (1 - in);
  sums[at + 2 * n] = all * before * forget * (1 - forget);
  sums[at + 3 * n] = of_h * root * out * (1 - out);
}

std::array<Array, 4> lstm_steps_cuda(const Array& gates, const Array& hx, const Array& cx, const Array& W,
                                     const LstmSteps& steps) {
  const std::int64_t n = hx.shape()[1], all = gates.shape()[0];
  const Device device = gates.device();
  const Array y = empty({all, n}, gates.dtype(), device), cells = empty({all, n}, gates.dtype(), device);
  const Array last_h = hx.copy(), last_c = cx.copy();
  const Operand state(last_h), weights(W), sums(gates);
  cuda::dispatch_wide(gates.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const Step& step : in_order(steps)) {
      if (step.rows == 0) continue;
      cuda::multiply(part(state.matrices, 0, 1, 0, step.rows), weights.matrices.transposed(),
                     part(sums.matrices, 0, 1, step.first, step.rows), 1, 1, Array(), device);
      step_kernel<<<static_cast<unsigned>((step.rows * n + kThreads - 1) / kThreads), kThreads, 0,
                    cuda::stream_for(gates)>>>(pointer<T>(gates) + step.first * 4 * n, pointer<T>(last_c),
                                               pointer<T>(last_h), pointer<T>(cells) + step.first * n,
                                               pointer<T>(y) + step.first * n, step.rows, n);
      cuda::check_launch("lstm");
    }
  });
  return {y, cells, last_h, last_c};
}

Array lstm_steps_grad_cuda(const Array& gates, const Array& cells, const Array& cx, const Array& W, const Array& gy,
                           const Array& gh, const Array& gc, const LstmSteps& steps) {
  const std::int64_t n = cx.shape()[1];
  const Device device = gates.device();
  const std::vector<Step> order = in_order(steps);
  const Array sums = empty(gates.shape(), gates.dtype(), device);
  const Operand of_sums(sums), weights(W), of_state(gh);
  cuda::dispatch_wide(gates.dtype(), "lstm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::size_t t = order.size(); t-- > 0;) {
      const Step step = order[t], earlier = t > 0 ? order[t - 1] : Step{0, 0};
      if (step.rows == 0) continue;
      step_grad_kernel<<<static_cast<unsigned>((step.rows * n + kThreads - 1) / kThreads), kThreads, 0,
                         cuda::stream_for(gates)>>>(
          pointer<const T>(gates) + step.first * 4 * n, pointer<const T>(cells) + step.first * n,
          pointer<const T>(cells) + earlier.first * n, earlier.rows, pointer<const T>(cx),
          pointer<const T>(gy) + step.first * n, pointer<const T>(gh), pointer<T>(gc),
          pointer<T>(sums) + step.first * 4 * n, step.rows, n);
      cuda::check_launch("lstm_grad");
      cuda::multiply(part(of_sums.matrices, 0, 1, step.first, step.rows), weights.matrices,
                     part(of_state.matrices, 0, 1, 0, step.rows), 1, 0, Array(), device);
    }
  });
  return sums;
}

Array lstm_states_before_cuda(const Array& y, const Array& hx, const LstmSteps& steps) {
  const Array states = empty(y.shape(), y.dtype(), y.device());
  const auto rows = [](const Array& x, std::int64_t first, std::int64_t last) {
    return x.slice(0, {.start = first, .stop = last});
  };
  Step earlier{0, 0};
  for (const Step& step : in_order(steps)) {
    const std::int64_t known = std::min(earlier.rows, step.rows);
    rows(states, step.first, step.first + known).copy_from(rows(y, earlier.first, earlier.first + known));
    rows(states, step.first + known, step.first + step.rows).copy_from(rows(hx, known, step.rows));
    earlier = step;
  }
  return states;
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_lstm_steps(lstm_steps, kCuda, lstm_steps_cuda);
const Implementation cuda_lstm_steps_grad(lstm_steps_grad, kCuda, lstm_steps_grad_cuda);
const Implementation cuda_lstm_states_before(lstm_states_before, kCuda, lstm_states_before_cuda);

}  // namespace
}  // namespace rensa::kernels
