#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "comm/gradients/reducer_options.h"
#include "core/optimizers/parameter_arena.h"

namespace rensa {

/// A stretch of a gradient arena that travels at once.
struct GradientBucket {
  std::size_t number = 0;                        ///< among all buckets of the reducer
  std::size_t arena = 0;                         ///< which one
  std::int64_t begin = 0, end = 0;               ///< elements of the arena
  std::vector<ParameterArena::Slot> slots = {};  ///< parameters that have elements here
  std::size_t first_slot = 0;                    ///< number of the first of them in the arena
  Array gradients = {};  ///< those elements, 1-d. No array while gradients have no place (zero = 2)
};

/// Cuts an arena in buckets that cover it. Borders lie between gradients; with `parts` > 1 they are moved back so that
/// every bucket has `parts` equal parts of a multiple of 16 elements, and a gradient may lie in two buckets. Depends on
/// the arena's layout alone. Their sizes: ReducerOptions.
std::vector<GradientBucket> cut_arena(const ParameterArena& arena, const ReducerOptions& options, int parts = 1);

/// How one bucket fared in a step.
struct BucketTimes {
  using Clock = std::chrono::steady_clock;     ///< of all times; steady
  std::size_t bytes = 0;                       ///< of the gradients
  std::size_t sent_bytes = 0;                  ///< what this rank gave to the communicator
  Clock::time_point ready, started, finished;  ///< the last gradient was computed; the bucket left; it arrived
};

/// Is told what happens to the buckets of every step, to draw it or to measure it. bucket_ready and waited are called
/// by the thread that trains, the others by the communication thread (the same one without overlap), at the time of the
/// event.
class ReducerObserver {
 public:
  using Clock = BucketTimes::Clock;  ///< as BucketTimes has it
  virtual ~ReducerObserver() = default;
  virtual void bucket_ready(const GradientBucket&, Clock::time_point) {}   ///< its last gradient was computed
  virtual void bucket_leaves(const GradientBucket&, Clock::time_point) {}  ///< it was given to the communicator
  /// The mean over the ranks is in its place.
  virtual void bucket_arrived(const GradientBucket&, const BucketTimes&) {}
  /// update() had nothing to do between these times but to wait for buckets.
  virtual void waited(Clock::time_point, Clock::time_point) {}
};

}  // namespace rensa
