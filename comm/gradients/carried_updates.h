#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "comm/gradients/gradient_reducer.h"

namespace rensa {

/// The end of an update() that has returned already: each bucket is waited for, and its parameters are updated, when
/// one of them is first read, or in settle(). All settings are those that held when update() was called.
///
/// After a few steps rank 0 knows when its buckets are ready, how long they travel and in which order they are read,
/// and tells all ranks an order for them to leave in: at any time, of those that are ready, the one that is read first.
class CarriedUpdates {
 public:
  CarriedUpdates(GradientReducer& reducer, Optimizer& optimizer, Communicator& comm)
      : reducer_(reducer), optimizer_(optimizer), comm_(comm) {}
  ~CarriedUpdates();  ///< forgets what is under way: parameters are as they were before that update
  CarriedUpdates(const CarriedUpdates&) = delete;
  CarriedUpdates& operator=(const CarriedUpdates&) = delete;

  /// Lets the gradients leave and returns. Nothing may be left of the step before.
  void carry();
  /// Ends what is under way. Throws what the communication threw.
  void settle();
  /// To be called when buckets have been cut anew.
  void forget() { steps_ = 0; }
  /// Seconds that reads of parameters have waited so far.
  double waited_in_reads() const { return waited_in_reads_; }

 private:
  struct Gate final : ReadGate {
    Gate(CarriedUpdates& o, std::size_t b) : owner(o), bucket(b) {}
    void before_read() override { owner.waited_in_reads_ += owner.settle(bucket); }
    CarriedUpdates& owner;
    std::size_t bucket;
  };
  void remove_gates(std::size_t bucket);
  double settle(std::size_t bucket);  ///< returns the seconds that it has waited
  void plan_order();

  GradientReducer& reducer_;
  Optimizer& optimizer_;
  Communicator& comm_;
  std::deque<Gate> gates_;                      ///< of each bucket; they do not move
  std::vector<std::function<void()>> updates_;  ///< of each bucket under way: updates its parameters
  std::vector<std::size_t> read_;               ///< in which order this step read them
  std::vector<BucketTimes> times_;              ///< of each bucket, in the last step that is settled
  double waited_in_reads_ = 0;
  int steps_ = 0;  ///< since buckets were cut
};

/// The order in which buckets should leave, one at a time, that become ready at `ready` and travel for `duration`:
/// whenever the way is free, of those that are ready the one that comes first in `read`, or else the one that is ready
/// first.
std::vector<std::size_t> order_by_need(const std::vector<double>& ready, const std::vector<double>& duration,
                                       const std::vector<std::size_t>& read);

}  // namespace rensa
