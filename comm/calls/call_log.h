#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "comm/calls/call.h"

namespace rensa {

/// The calls that this rank has made on one communicator: written by the thread that makes them, read by whoever must
/// say what a rank is doing.
class CallLog {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kKept = 256;  ///< last calls that are remembered

  /// Marks a call as running until the end of the scope.
  class Scope {
   public:
    Scope(CallLog& log, const Call& call) : log_(log) { log_.begin(call); }
    ~Scope() { log_.end(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    CallLog& log_;
  };

  /// A call and the digest of all collective calls up to it.
  struct Kept {
    Call call;
    std::uint64_t digest = 0;
  };

  /// The digest after call `number`.
  struct Mark {
    std::uint64_t number = 0, digest = 0;
  };
  /// Marks are kept of the last two multiples of each: ranks that are looked at at different moments still have one in
  /// common.
  static constexpr std::array<std::uint64_t, 4> kStrides = {16, 256, 4096, 65536};

  struct State {
    std::uint64_t number = 0;  ///< collective calls so far: the number of the last one
    bool running = false;
    Clock::time_point since;   ///< when the last call began or, if it is not running, ended
    std::uint64_t digest = 0;  ///< of all collective calls in order: equal on ranks that made equal ones
    std::array<Mark, 2 * kStrides.size()> marks;
    Call last;  ///< the last call, collective or not
  };
  State state() const;

  /// A call whose scope is over goes on on a device until unqueue(): the last call counts as running as long as there
  /// is one.
  void queue() { queued_.fetch_add(1, std::memory_order_relaxed); }
  void unqueue();
  /// Collective call number `number`, if it is among the last kKept; otherwise one without a name.
  Kept kept(std::uint64_t number) const;

 private:
  void begin(const Call& call);
  void end();

  mutable std::mutex mutex_;
  State state_;  ///< without `running` and `since`, which have no need of the lock
  std::atomic<bool> running_ = false;
  std::atomic<int> queued_ = 0;
  std::atomic<Clock::time_point> since_{};
  std::array<Kept, kKept> kept_;
};

}  // namespace rensa
