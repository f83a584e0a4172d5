#pragma once

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
  static constexpr std::size_t kKept = 32;  ///< last calls that are remembered

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

  struct State {
    std::uint64_t number = 0;  ///< collective calls so far: the number of the last one
    bool running = false;
    Clock::time_point since;   ///< when the last call began or, if it is not running, ended
    std::uint64_t digest = 0;  ///< of all collective calls in order: equal on ranks that made equal ones
    Call last;                 ///< the last call, collective or not
  };
  State state() const;
  /// Collective call number `number`, if it is among the last kKept; otherwise one without a name.
  Call call(std::uint64_t number) const;

 private:
  void begin(const Call& call);
  void end();

  mutable std::mutex mutex_;
  State state_;
  std::array<Call, kKept> kept_;
};

}  // namespace rensa
