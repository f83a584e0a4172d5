#pragma once

#include <functional>
#include <vector>

#include "comm/gradients/gradient_reducer.h"
#include "trainer/span.h"

namespace rensa {

using StepBuckets = std::vector<BucketTimes>;  ///< the buckets of a step, in the order in which they left
/// Asks whoever moves the gradients how the buckets of the last step fared; null, or an empty list: one rank alone.
using BucketSource = std::function<StepBuckets()>;

/// Where the time of one step went, on one rank, in seconds. What a rank did by itself is told apart from what it
/// waited for others: its own work ends when its last bucket is ready, however long the buckets travel.
struct StepTimes {
  double input = 0;  ///< waiting for its own loader
  double compute =
      0;  ///< its own work: forward and backward until the last bucket was ready, and the optimizer's arithmetic
  double wait = 0;  ///< for gradients, after its own were ready, and inside the network for the other ranks' statistics
  double wire = 0;  ///< buckets on their way, added up
  double hidden = 0;  ///< the part of `wire` that passed while this rank was still computing
  double bytes = 0;   ///< that it gave to the communicator

  double overlap() const { return wire > 0 ? hidden / wire : 0; }  ///< the hidden part of `wire`, in [0, 1]
};

/// `waited_inside`: seconds that calls inside forward and backward took (CommunicatorStatistics::seconds()).
StepTimes step_times(const std::vector<Span>& spans, const StepBuckets& buckets, double waited_inside = 0);

}  // namespace rensa
