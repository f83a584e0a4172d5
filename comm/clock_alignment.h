#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Nanoseconds on a clock that only goes forward. Ranks' clocks start anywhere and may run at slightly different
/// speeds.
using NanosecondClock = std::function<std::int64_t()>;
std::int64_t steady_nanoseconds();  ///< of std::chrono::steady_clock

/// How this rank's clock stands to rank 0's, at one moment.
struct ClockOffset {
  std::int64_t at_ns = 0;      ///< on this rank's clock
  std::int64_t offset_ns = 0;  ///< rank 0's time is this rank's plus this
  std::int64_t error_ns = 0;   ///< what it may be wrong by: half the quickest round trip
};

/// Asks rank 0 for its time again and again and believes the answer that came back quickest, in the middle of its way
/// (as NTP does; Mills, "Internet time synchronization: the network time protocol", 1991). A call on all ranks
/// together, one rank after another; about `rounds` round trips each.
ClockOffset measure_clock_offset(Communicator& comm, const NanosecondClock& clock = steady_nanoseconds,
                                 int rounds = 50);

/// This rank's times on rank 0's clock, from one measurement or, with the drift between them, from two.
class AlignedClock {
 public:
  AlignedClock() = default;
  explicit AlignedClock(const ClockOffset& only) : first_(only), last_(only) {}
  AlignedClock(const ClockOffset& first, const ClockOffset& last) : first_(first), last_(last) {}

  /// A time of this rank's clock as rank 0's clock shows it, in nanoseconds.
  std::int64_t on_rank_0(std::int64_t own_ns) const;
  /// How much quicker rank 0's clock runs, in parts per million.
  double drift_ppm() const;
  /// The offsets measured at the beginning and at the end of the time between which it interpolates.
  /// @{
  const ClockOffset& first() const { return first_; }
  const ClockOffset& last() const { return last_; }
  /// @}

 private:
  ClockOffset first_, last_;
};

}  // namespace rensa
