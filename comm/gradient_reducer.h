#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "comm/communication_thread.h"
#include "comm/communicators/communicator.h"
#include "comm/work.h"
#include "core/optimizers/parameter_arena.h"

namespace rensa {

struct ReducerOptions {
  // A bucket is full when it has at least this many bytes; a gradient is never divided.
  std::size_t first_bucket_bytes = std::size_t{1} << 20;  ///< small, so that the network starts to work early
  std::size_t bucket_bytes = std::size_t{25} << 20;
  /// Buckets leave during backward, on a thread of their own. Off: all of them in finish(), on the caller's thread;
  /// needed where backward() runs more than once for an update().
  bool overlap = true;
  /// Off: buckets are followed but stay where they are. For measuring what a step costs without communication.
  bool communicate = true;
};

/// Averages gradients over the ranks while backward is still computing others.
///
/// A bucket is a slice of a gradient arena: nothing is packed. When the last gradient of a bucket is ready (Parameter's
/// hook), the bucket may leave; buckets leave in one order on all ranks, first the arena's and from the second step on
/// the order in which rank 0's first backward finished them. A parameter that a step did not use counts as zeros.
class GradientReducer {
 public:
  using Clock = std::chrono::steady_clock;
  /// How one bucket fared in the last step, for benchmarks.
  struct BucketTimes {
    std::size_t bytes = 0;
    Clock::time_point ready, started, finished;
  };

  /// A call on all ranks together. `comm` must outlive the reducer, which works on a duplicate of it.
  GradientReducer(Communicator& comm, const ReducerOptions& options);
  ~GradientReducer() { detach(); }
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Takes over the hooks of the arenas' parameters. A call on all ranks together; throws CommError if their parameters
  /// differ. Earlier arenas are forgotten.
  void attach(const std::vector<ParameterArena>& arenas);
  /// Waits until every gradient is the mean over the ranks, in its place. Throws what the communication threw.
  void finish();

  /// In the order in which they left.
  std::vector<BucketTimes> last_times() const;

 private:
  struct Bucket {
    Array gradients;  ///< the slice of its arena
    std::vector<ParameterArena::Slot> slots;
    std::size_t pending = 0;  ///< gradients that are not ready yet
    BucketTimes times;
  };
  struct Member {
    std::size_t bucket = 0;
    ParameterArena::Slot slot;
    bool ready = false;
  };

  void cut(const ParameterArena& arena);
  void check_ranks_agree() const;
  void detach();
  void gradient_is_ready(const Parameter* parameter);
  void complete(Member& member);
  void release_ready_buckets();
  void reduce(Bucket& bucket, Communicator& comm, Dtype travels_as) const;
  Dtype travels_as(const Bucket& bucket) const;
  void start_step();
  void agree_on_order();

  Communicator& comm_;
  const ReducerOptions options_;

  std::vector<Bucket> buckets_;
  std::unordered_map<const Parameter*, Member> members_;
  std::vector<std::size_t> order_;     ///< in which buckets leave
  std::vector<std::size_t> finished_;  ///< in which backward finished them in this step
  bool order_is_agreed_ = false;
  std::vector<Work> works_;  ///< the buckets that have left in this step

  std::optional<CommunicationThread> thread_;  ///< none for one rank alone; last: it works on what stands above
};

}  // namespace rensa
