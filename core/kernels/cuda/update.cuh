#pragma once

#include <array>
#include <vector>

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/optimizer.h"

namespace rensa::cuda {

template <class T>
struct Intake {
  double scale;
  T decay;
  const double* control;  ///< formulas::StepControl, or null

  explicit Intake(const kernels::GradientIntake& i)
      : scale(i.scale), decay(static_cast<T>(i.weight_decay)), control(i.control) {}
  /// Whether the step is made, and what gradients are multiplied by.
  __device__ bool is_made() const { return !control || control[kernels::formulas::kMade] != 0; }
  __device__ T factor() const { return static_cast<T>(control ? scale * control[kernels::formulas::kFactor] : scale); }
};
template <class T>
struct States {
  T* of[3];
};

/// A rule whose numbers are known when it is launched; others have a prepare() of their own, which sees the control.
struct PreparedRule {
  __device__ void prepare(const double*) {}
};

/// One pass of an update rule: rule(p, g, states) for every element.
template <class T, class Rule>
__global__ void update_kernel(Rule rule, T* p, const T* g, States<T> states, std::int64_t count, Intake<T> intake) {
  if (!intake.is_made()) return;
  const T scale = intake.factor(), decay = intake.decay;
  rule.prepare(intake.control);
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    T value = p[i], kept[3] = {};
#pragma unroll
    for (int s = 0; s < Rule::kStates; ++s) kept[s] = states.of[s][i];
    rule(value, scale * g[i] + decay * value, kept);
    p[i] = value;
#pragma unroll
    for (int s = 0; s < Rule::kStates; ++s) states.of[s][i] = kept[s];
  }
}

/// T is the rule's type of numbers: p, g and state are arrays of it.
template <class T, class Rule>
void update(const char* name, const Rule& rule, const Array& p, const Array& g, const std::vector<Array>& state,
            const kernels::GradientIntake& intake) {
  if (p.size() == 0) return;
  States<T> states = {};
  for (std::size_t i = 0; i < state.size(); ++i) states.of[i] = pointer<T>(state[i]);
  update_kernel<<<blocks_for(p.size()), kThreads, 0, stream_for(p)>>>(rule, pointer<T>(p), pointer<const T>(g), states,
                                                                      p.size(), Intake<T>(intake));
  check_launch(name);
}

}  // namespace rensa::cuda
