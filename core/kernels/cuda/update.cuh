#pragma once

#include <array>
#include <vector>

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"
#include "core/kernels/optimizer.h"

namespace rensa::cuda {

template <class T>
struct Intake {
  T scale, decay;
};
template <class T>
struct States {
  T* of[3];
};

/// One pass of an update rule: rule(p, g, states) for every element.
template <class T, class Rule>
__global__ void update_kernel(Rule rule, T* p, const T* g, States<T> states, std::int64_t count, Intake<T> intake) {
  const std::int64_t step = gridDim.x * static_cast<std::int64_t>(blockDim.x);
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    T value = p[i], kept[3] = {};
#pragma unroll
    for (int s = 0; s < Rule::kStates; ++s) kept[s] = states.of[s][i];
    rule(value, intake.scale * g[i] + intake.decay * value, kept);
    p[i] = value;
#pragma unroll
    for (int s = 0; s < Rule::kStates; ++s) states.of[s][i] = kept[s];
  }
}

/// T is the rule's type of numbers: p, g and state are arrays of it.
template <template <class> class Rule, class T>
void update(const char* name, const Rule<T>& rule, const Array& p, const Array& g, const std::vector<Array>& state,
            const kernels::GradientIntake& intake) {
  if (p.size() == 0) return;
  States<T> states = {};
  for (std::size_t i = 0; i < state.size(); ++i) states.of[i] = pointer<T>(state[i]);
  update_kernel<<<blocks_for(p.size()), kThreads, 0, stream_for(p)>>>(
      rule, pointer<T>(p), pointer<const T>(g), states, p.size(),
      Intake<T>{static_cast<T>(intake.scale), static_cast<T>(intake.weight_decay)});
  check_launch(name);
}

}  // namespace rensa::cuda
