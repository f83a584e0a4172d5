#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "comm/communication_thread.h"
#include "comm/communicators/communicator.h"
#include "comm/gradients/gradient_bucket.h"
#include "comm/gradients/reducer_options.h"
#include "comm/wait_log.h"
#include "comm/work.h"
#include "core/optimizers/optimizer.h"

namespace rensa {

/// Averages gradients over the ranks while backward is still computing others.
///
/// A bucket is a slice of a gradient arena: nothing is packed. When the last gradient of a bucket is ready (Parameter's
/// hook), the bucket may leave; buckets leave in one order on all ranks. That is the arenas' order, latest created
/// parameter first, until observed_order() has told in which order rank 0's backward really finished them and the
/// arenas were laid out and cut anew.
class GradientReducer {
 public:
  using Clock = BucketTimes::Clock;  ///< as BucketTimes has it

  /// A call on all ranks together. `comm` must outlive the reducer, which works on a duplicate of it. Throws ValueError
  /// for options that exclude each other, or a compression beside allreduce_grad_dtype.
  GradientReducer(Communicator& comm, const ReducerOptions& options);
  ~GradientReducer() { detach(); }
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Takes over the hooks of the parameters in the optimizer's arenas. A call on all ranks together; throws CommError
  /// if their parameters differ. What was attached before is forgotten. `order`: of the parameters, in which buckets
  /// leave; empty: the arenas', and buckets travel whole until start_compressing().
  void attach(Optimizer& optimizer, const std::vector<Parameter*>& order);
  /// Waits for what is under way, however it ends, and takes the hooks away; to be called while the optimizer has its
  /// model, and before its arenas are laid out anew. Gradients then stay where they are.
  void detach();
  /// Waits until every gradient is the mean over the ranks, in its place: the arena, or this rank's windows of it.
  /// Throws what the communication threw.
  void finish();

  // For double buffering, instead of finish():
  void complete_gradients();  ///< every parameter has one, in its place
  /// Lets all buckets leave from these arrays (one for each arena), which finish_started() waits for.
  void start(const std::vector<Array>& arrays);
  void finish_started();  ///< waits for the buckets of start(); throws what the communication threw

  // For carrying over, instead of finish():
  void carry();  ///< all buckets leave, and each is waited for by arrive()
  /// Waits for one bucket of carry(), and returns how many seconds. Throws what the communication threw.
  double arrive(std::size_t bucket);
  /// In which order buckets leave from now on: a permutation of their numbers, the same on all ranks.
  void set_order(const std::vector<std::size_t>& order) { order_ = order; }

  /// While on, gradients of backward() are added up and stay here.
  void set_accumulating(bool accumulating) { accumulating_ = accumulating; }
  bool accumulating() const { return accumulating_; }  ///< whether gradients stay here
  /// This rank's share in the mean: gradients become Σ weight · gradient over the ranks, whose weights add up to 1.
  /// Holds for the steps to come, each of which has one weight: throws GraphError if it would change while gradients
  /// wait for update(). 1 / size until something else is said.
  void set_weight(double weight);

  /// The parameters in the order in which rank 0's first backward since attach() finished them, and behind them those
  /// it did not. A call on all ranks together.
  std::vector<Parameter*> observed_order();
  /// The mean of one gradient that is in no bucket yet, at once. A call on all ranks together.
  void take_mean(const Array& gradient) const;
  /// Waits for the buckets that have left in this step, so that their gradients may be read.
  void wait() const;
  /// From now on buckets go through the compression, if there is one. Throws ValueError if allreduce_grad_dtype has
  /// been set in the meantime.
  void start_compressing();
  /// With zero_fill off: the parameters that no rank used in the step that finish() ended.
  const std::vector<Parameter*>& unused() const { return unused_; }
  void note_unused(Parameter* parameter) { unused_.push_back(parameter); }  ///< of one that was in no bucket

  const std::vector<GradientBucket>& buckets() const { return buckets_; }  ///< the buckets, in the order of the arenas
  /// How that bucket fared in the running or last step.
  const BucketTimes& times(std::size_t bucket) const { return progress_[bucket].times; }
  /// Of the last step whose buckets have all arrived, in the order in which they left. Behind an update() whose buckets
  /// are still under way (carry_over, double_buffering) that is the step before.
  const std::vector<BucketTimes>& last_times() const { return last_times_; }
  /// Bytes that this rank gave to the communicator for that step's gradients.
  std::size_t last_sent_bytes() const;
  const WaitLog& waits() const { return waits_; }  ///< for buckets: in finish(), finish_started() and arrive()
  /// Null: nobody watches. It must outlive the reducer or be taken away.
  void observe(ReducerObserver* observer) { observer_ = observer; }

 private:
  struct Member {
    std::vector<std::size_t> buckets;
    ParameterArena::Slot slot;
    bool ready = false;    ///< in this step
    bool seen = false;     ///< since attach()
    bool removed = false;  ///< the parameter has left the model and may be no more: zeros travel in its place
  };
  struct Progress {
    std::size_t pending = 0;  ///< gradients that are not ready yet
    BucketTimes times;
  };

  /// How a bucket travels; settled when it leaves, so that what is said later does not reach it.
  struct Form {
    Dtype dtype;
    double factor;
    bool compressed;
    double loss_scale;  ///< divided out for a compression, which adds up gradients of steps whose scales may differ
  };

  int parts() const { return options_.zero > 0 ? comm_.size() : 1; }
  void forget_works();
  void forget_removed();
  void check_compressible(const ParameterArena& arena) const;
  void check_ranks_agree() const;
  void check_form() const;
  /// Null: the parameter is no longer the model's, but is used still.
  Member* member_of(const Parameter* parameter);
  /// Throws GraphError if a backward() would change a gradient that may be under way.
  void check_may_change(const Member& member) const;
  bool leave_at_once() const { return options_.overlap && !options_.double_buffering; }
  void gradient_is_ready(Parameter* parameter);
  void complete(Member& member);
  void take_in(const ParameterArena::Slot& slot, const Array& gradient, GradientBucket& bucket);
  void release_ready_buckets();
  void leave(std::size_t bucket);
  void reduce(std::size_t bucket, Communicator& comm, const Form& form);
  std::size_t send(const GradientBucket& bucket, Communicator& comm, Dtype travels_as) const;
  std::size_t scatter(const GradientBucket& bucket, Communicator& comm, Dtype travels_as) const;
  bool gradients_wait();
  /// Waits for them, tells waits_ and the observer, and returns how many seconds.
  double wait_for(std::span<const Work> works);
  void wait_for_works();
  void find_unused(const GradientBucket& bucket);
  void start_step();

  Communicator& comm_;
  const ReducerOptions options_;
  Optimizer* optimizer_ = nullptr;
  ReducerObserver* observer_ = nullptr;

  std::vector<GradientBucket> buckets_;
  std::vector<Progress> progress_;  ///< of each bucket
  std::vector<std::size_t> order_;  ///< in which buckets leave
  std::unordered_map<const Parameter*, Member> members_;
  std::vector<Parameter*> in_arenas_;  ///< all members, as the arenas have them
  std::vector<Parameter*> seen_;       ///< in the order in which backward finished them, since attach()
  std::vector<Parameter*> unused_;
  std::vector<BucketTimes> last_times_;
  std::vector<BucketTimes> arrived_times_;            ///< of carry()'s buckets, in the order in which they left
  std::size_t under_way_ = 0;                         ///< of carry()'s buckets
  std::vector<Work> carried_;                         ///< of each bucket, with carry()
  std::vector<Work> works_;                           ///< the buckets that have left in this step
  std::vector<std::shared_ptr<void>> registrations_;  ///< of the arenas, with NCCL
  WaitLog waits_;
  bool accumulating_ = false, compressing_ = false;
  bool has_gradients_ = false;  ///< of this step, from at least one backward()
  double factor_ = 1;

  std::optional<CommunicationThread> thread_;  ///< none for one rank alone; last: it works on what stands above
};

}  // namespace rensa
