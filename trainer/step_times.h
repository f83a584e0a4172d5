#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "comm/gradients/gradient_reducer.h"
#include "comm/wait_log.h"
#include "trainer/span.h"

namespace rensa {

using StepBuckets = std::vector<BucketTimes>;  ///< the buckets of a step, in the order in which they left
/// Asks whoever moves the gradients how the buckets of the last step fared; null, or an empty list: one rank alone.
using BucketSource = std::function<StepBuckets()>;
/// Asks for the waits of the thread that trains that began at a time or later, in whatever order; null: there are none.
using WaitSource = std::function<std::vector<Wait>(Span::Clock::time_point since)>;

/// Where the time of one step went, on one rank, in seconds. What a rank did by itself is told apart from what it
/// waited for others: its own work ends when its last bucket is ready, however long the buckets travel.
struct StepTimes {
  double input = 0;  ///< waiting for its own loader
  /// Its own work: forward and backward until the last bucket was ready, and the optimizer's arithmetic.
  double compute = 0;
  /// For gradients, after its own were ready, and inside the network and the update (InsideWaits).
  double wait = 0;
  double wire = 0;    ///< buckets on their way, added up
  double hidden = 0;  ///< the part of `wire` that passed while this rank was still computing
  double bytes = 0;   ///< that it gave to the communicator

  double overlap() const { return wire > 0 ? hidden / wire : 0; }  ///< the hidden part of `wire`, in [0, 1]
};

/// Seconds of forward, backward and the optimizer's arithmetic in which a rank waited for others.
struct InsideWaits {
  double statistics = 0;  ///< for their batch statistics: CommunicatorStatistics::waits()
  double gradients = 0;   ///< with carry_over, for those of the step before: DistributedOptimizer::waited_in_reads()
  double weights = 0;     ///< with zero > 0, for those that they updated: DistributedOptimizer::gathers()
};

/// What has been waited since it was last asked, from a source that gives the seconds so far; null: nothing.
class InsideWaitMeter {
 public:
  using Source = std::function<InsideWaits()>;  ///< the seconds so far
  explicit InsideWaitMeter(Source so_far) : so_far_(std::move(so_far)) {}
  InsideWaits take();  ///< since the last call

 private:
  const Source so_far_;
  InsideWaits before_;
};

/// Where the time of the step went that these phases and buckets belong to. `gathered_bytes`: what it gave to the
/// communicator beside the buckets, Optimizer::gathered_bytes().
StepTimes step_times(const std::vector<Span>& spans, const StepBuckets& buckets, const InsideWaits& waited = {},
                     std::size_t gathered_bytes = 0);

}  // namespace rensa
