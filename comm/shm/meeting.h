#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "comm/calls/call.h"

namespace rensa::shm {

/// Where an array lies, in words that other ranks can make sense of.
struct Address {
  std::uint64_t segment = 0, offset = 0;  ///< the place in a shared segment; segment 0: in none
  std::uint64_t address = 0;              ///< in the memory of the rank that published it
};

/// What a rank shows the others when it arrives.
struct Posted {
  Call call{};
  Address in{}, out{};
  std::int32_t color = 0, key = 0;
  bool agrees = true;  ///< this rank can do what the call's way asks of it
};

/// How long a rank waits for the others, and what it looks at meanwhile.
struct Patience {
  double limit_s = 300;
  std::function<void()> check{};  ///< throws once the job has failed; called a few times a second
  bool yields = false;            ///< more ranks than cores: gives the core away instead of spinning
};

/// Where ranks that share memory meet, round after round. A rank arrives with a Posted, waits for the others, reads
/// what they posted, and arrives at the next round when it needs none of it any more. Whatever a rank writes for round
/// r in a place that alternates (parity()) may be written again for round r + 2: to get there every rank has arrived at
/// r + 1, done with r.
///
/// The memory is a Board in shared memory or on the heap; each rank has a Meeting of its own on it.
class Meeting {
 public:
  static constexpr std::size_t kPayloadBytes = 48;

  static std::size_t board_bytes(int size);
  /// `board` is zeroed memory of board_bytes(size), aligned to 64, that outlives the meeting.
  Meeting(void* board, int rank, int size, Patience patience);

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// The first round of a call: throws CommError on every rank if they came for different calls.
  void begin(const Posted& posted) { begin(posted, {}); }
  /// `payload`, at most kPayloadBytes, travels with the arrival itself: nothing is quicker.
  void begin(const Posted& posted, std::span<const std::byte> payload);
  /// A later round of the same call.
  void next(const Posted& posted);
  void next() { next(Posted{}); }

  /// What rank `r` posted for the round that was just met.
  const Posted& posted(int r) const;
  const std::byte* payload(int r) const;
  /// 0 or 1 in turn: the round that the next arrival belongs to.
  int parity() const { return static_cast<int>(round_ % 2); }
  /// That of the round that was just met.
  int met_parity() const { return 1 - parity(); }

 private:
  struct Arrival;
  struct Slot;
  struct Board;

  void arrive(const Posted& posted, std::uint64_t fingerprint, std::span<const std::byte> payload);
  void wait_for_all();
  bool has_arrived(int r) const;
  bool all_have_arrived() const;
  void sleep_until_all_arrive();
  [[noreturn]] void throw_late() const;

  Board* board_;
  const int rank_, size_;
  const Patience patience_;
  Call call_;                ///< the one under way
  std::uint32_t round_ = 0;  ///< rounds this rank has arrived at
};

}  // namespace rensa::shm
