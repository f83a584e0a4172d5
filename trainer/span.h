#pragma once

#include <chrono>
#include <vector>

namespace rensa {

/// What a rank's training thread did from when to when: one phase of a step.
struct Span {
  using Clock = std::chrono::steady_clock;  ///< steady

  /// The phases of a step.
  enum class Phase {
    kInput,  ///< waiting for the next batch
    kForward,
    kBackward,
    kReduce,  ///< gradients between ranks, where nothing else goes on
    kUpdate,  ///< the optimizer's update(), with the wait for gradients that travel
  };
  Phase phase;
  Clock::time_point begin, end;
};

/// "input", "forward" …
inline const char* name_of(Span::Phase phase) {
  constexpr const char* kNames[] = {"input", "forward", "backward", "reduce", "update"};
  return kNames[static_cast<int>(phase)];
}

}  // namespace rensa
