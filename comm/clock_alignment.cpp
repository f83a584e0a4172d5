#include "comm/clock_alignment.h"

#include <chrono>
#include <cmath>
#include <limits>

namespace rensa {
namespace {

/// Two measurements closer than this tell more of their errors than of the drift.
constexpr std::int64_t kShortestForDrift = 100'000'000;

ClockOffset ask_rank_0(Communicator& comm, const NanosecondClock& clock, int rounds) {
  ClockOffset best{.error_ns = std::numeric_limits<std::int64_t>::max()};
  const Array question = zeros({1}, Dtype::kInt64), answer = zeros({1}, Dtype::kInt64);
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t asked = clock();
    comm.send(question, 0, kLibraryTag);
    comm.recv(answer, 0, kLibraryTag);
    const std::int64_t arrived = clock(), way = arrived - asked;
    if (way / 2 >= best.error_ns) continue;
    best = {.at_ns = arrived, .offset_ns = answer.data<std::int64_t>()[0] - (asked + way / 2), .error_ns = way / 2};
  }
  return best;
}

void answer_rank(Communicator& comm, int rank, const NanosecondClock& clock, int rounds) {
  const Array question = zeros({1}, Dtype::kInt64), answer = zeros({1}, Dtype::kInt64);
  for (int round = 0; round < rounds; ++round) {
    comm.recv(question, rank, kLibraryTag);
    answer.data<std::int64_t>()[0] = clock();
    comm.send(answer, rank, kLibraryTag);
  }
}

}  // namespace

std::int64_t steady_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

ClockOffset measure_clock_offset(Communicator& comm, const NanosecondClock& clock, int rounds) {
  if (comm.rank() != 0) return ask_rank_0(comm, clock, rounds);
  for (int rank = 1; rank < comm.size(); ++rank) answer_rank(comm, rank, clock, rounds);
  return {.at_ns = clock(), .offset_ns = 0, .error_ns = 0};
}

double AlignedClock::drift_ppm() const {
  const std::int64_t between = last_.at_ns - first_.at_ns;
  if (between < kShortestForDrift) return 0;
  return 1e6 * static_cast<double>(last_.offset_ns - first_.offset_ns) / static_cast<double>(between);
}

std::int64_t AlignedClock::on_rank_0(std::int64_t own_ns) const {
  const double since = static_cast<double>(own_ns - first_.at_ns);
  return own_ns + first_.offset_ns + std::llround(since * drift_ppm() * 1e-6);
}

}  // namespace rensa
