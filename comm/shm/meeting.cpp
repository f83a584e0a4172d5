#include "comm/shm/meeting.h"

#include <hwy/cache_control.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "comm/shm/futex.h"
#include "core/error.h"

namespace rensa::shm {

/// One cache line, which is all that ranks need to see of each other in the shortest calls.
struct Meeting::Arrival {
  std::atomic<std::uint32_t> round;
  std::uint64_t fingerprint;  ///< of the call that the round begins
  std::array<std::byte, kPayloadBytes> payload;
};

/// A rank's place on the board, by parity of the round. Only its rank writes it.
struct Meeting::Slot {
  struct Side {
    alignas(64) Arrival arrival;
    alignas(64) Posted posted;
  };
  Side sides[2];
};

struct Meeting::Board {
  alignas(64) std::atomic<std::uint32_t> sleepers;
  std::atomic<std::uint32_t> bell;  ///< changes when somebody arrives while somebody sleeps
  Slot slots[1];                    ///< one for each rank
};

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSpins = 2000;  ///< some tens of microseconds: ranks usually arrive together
/// Ranks without cores of their own give theirs to each other for so long. Where others hold the cores, a single yield
/// takes longer, and a rank that sleeps is woken sooner than one that waits for its turn.
constexpr std::chrono::milliseconds kYieldTime(1);
constexpr std::chrono::milliseconds kNap(50);

}  // namespace

std::size_t Meeting::board_bytes(int size) { return sizeof(Board) + static_cast<std::size_t>(size - 1) * sizeof(Slot); }

Meeting::Meeting(void* board, int rank, int size, Patience patience)
    : board_(static_cast<Board*>(board)), rank_(rank), size_(size), patience_(std::move(patience)) {}

const Posted& Meeting::posted(int r) const { return board_->slots[r].sides[met_parity()].posted; }

const std::byte* Meeting::payload(int r) const { return board_->slots[r].sides[met_parity()].arrival.payload.data(); }

void Meeting::begin(const Posted& posted, std::span<const std::byte> payload) {
  call_ = posted.call;
  const std::uint64_t expected = rensa::fingerprint(posted.call);
  arrive(posted, expected, payload);
  wait_for_all();
  for (int r = 0; r < size_; ++r) {
    if (board_->slots[r].sides[met_parity()].arrival.fingerprint == expected) continue;
    std::vector<Call> calls;
    for (int other = 0; other < size_; ++other) calls.push_back(this->posted(other).call);
    throw CommError(describe_disagreement(calls));
  }
}

void Meeting::next(const Posted& posted) {
  arrive(posted, 0, {});
  wait_for_all();
}

void Meeting::arrive(const Posted& posted, std::uint64_t fingerprint, std::span<const std::byte> payload) {
  Slot::Side& mine = board_->slots[rank_].sides[parity()];
  mine.posted = posted;
  mine.arrival.fingerprint = fingerprint;
  if (!payload.empty()) std::memcpy(mine.arrival.payload.data(), payload.data(), payload.size());
  mine.arrival.round.store(++round_);
  // Sequentially consistent, like the sleepers' own order: either they see the arrival or this rank sees them.
  if (board_->sleepers.load() == 0) return;
  board_->bell.fetch_add(1);
  futex_wake_all(board_->bell);
}

/// A rank is at most one round ahead, and has then written to its other side.
bool Meeting::has_arrived(int r) const { return board_->slots[r].sides[met_parity()].arrival.round.load() == round_; }

bool Meeting::all_have_arrived() const {
  for (int r = 0; r < size_; ++r) {
    if (!has_arrived(r)) return false;
  }
  return true;
}

void Meeting::wait_for_all() {
  if (patience_.yields) {
    for (const auto limit = Clock::now() + kYieldTime; Clock::now() < limit; std::this_thread::yield()) {
      if (all_have_arrived()) return;
    }
  } else {
    for (int i = 0; i < kSpins; ++i) {
      if (all_have_arrived()) return;
      hwy::Pause();
    }
  }
  sleep_until_all_arrive();
}

void Meeting::sleep_until_all_arrive() {
  const auto limit = Clock::now() + std::chrono::duration<double>(patience_.limit_s);
  const struct Sleeper {
    explicit Sleeper(std::atomic<std::uint32_t>& c) : count(c) { ++count; }
    ~Sleeper() { --count; }
    std::atomic<std::uint32_t>& count;
  } sleeper(board_->sleepers);
  while (true) {
    const std::uint32_t bell = board_->bell.load();
    if (all_have_arrived()) return;
    futex_wait(board_->bell, bell, kNap);
    if (patience_.check) patience_.check();
    if (Clock::now() > limit) throw_late();
  }
}

void Meeting::throw_late() const {
  std::vector<int> missing;
  for (int r = 0; r < size_; ++r) {
    if (!has_arrived(r)) missing.push_back(r);
  }
  throw CommError("rank ", rank_, " of ", size_, ": ", describe(call_), " has waited ", patience_.limit_s,
                  " s for rank ", detail::list(missing),
                  ", which stopped or made another call. Read the end of its log; a longer limit: ", "comm_timeout.");
}

}  // namespace rensa::shm
