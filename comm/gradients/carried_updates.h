#pragma once

#include <deque>
#include <vector>

#include "comm/gradients/gradient_reducer.h"

namespace rensa {

/// The end of an update() that has returned already: each bucket is waited for, and its parameters are updated, when
/// one of them is first read, or in settle().
///
/// After a few steps rank 0 knows when its buckets are ready, how long they travel and in which order they are read,
/// and tells all ranks an order for them to leave in: at any time, of those that are ready, the one that is read first.
class CarriedUpdates {
 public:
  CarriedUpdates(GradientReducer& reducer, Optimizer& optimizer, Communicator& comm)
      : reducer_(reducer), optimizer_(optimizer), comm_(comm) {}
  CarriedUpdates(const CarriedUpdates&) = delete;
  CarriedUpdates& operator=(const CarriedUpdates&) = delete;

  /// Lets the gradients leave and returns. Nothing may be left of the step before.
  void carry();
  /// Ends what is under way. Throws what the communication threw.
  void settle();
  /// To be called when buckets have been cut anew.
  void forget() { steps_ = 0; }

 private:
  struct Gate final : ReadGate {
    Gate(CarriedUpdates& o, std::size_t b) : owner(o), bucket(b) {}
    void before_read() override { owner.settle(bucket); }
    CarriedUpdates& owner;
    std::size_t bucket;
  };
  void settle(std::size_t bucket);
  void plan_order();

  GradientReducer& reducer_;
  Optimizer& optimizer_;
  Communicator& comm_;
  std::deque<Gate> gates_;          ///< of each bucket; they do not move
  std::vector<bool> under_way_;     ///< of each bucket
  std::vector<std::size_t> read_;   ///< in which order this step read them
  std::vector<BucketTimes> times_;  ///< of each bucket, in the last step that is settled
  std::size_t left_ = 0;            ///< buckets under way
  double lr_ = 0;                   ///< of the update that is under way
  int steps_ = 0;                   ///< since buckets were cut
};

/// The order in which buckets should leave, one at a time, that become ready at `ready` and travel for `duration`:
/// whenever the way is free, of those that are ready the one that comes first in `read`, or else the one that is ready
/// first.
std::vector<std::size_t> order_by_need(const std::vector<double>& ready, const std::vector<double>& duration,
                                       const std::vector<std::size_t>& read);

}  // namespace rensa
