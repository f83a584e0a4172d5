#include "comm/roll_call.h"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_start.h"

namespace rensa {
namespace {

using mpi::check;

constexpr int kQuestions = 20;

double wall_clock_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

RollCall::RollCall() {
  mpi::start();
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
}

MpiFacts RollCall::mpi() const {
  const int level = mpi::start();
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  check(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  std::string library = text;
  library.erase(std::min(library.size(), library.find('\n')));
  return {.library = library,
          .thread_level = mpi::thread_level_name(level),
          .has_all_threads = level == MPI_THREAD_MULTIPLE,
          .cuda_aware = mpi::cuda_awareness()};
}

std::vector<std::string> RollCall::all_gather(const std::string& mine) const {
  const int length = static_cast<int>(mine.size());
  std::vector<int> lengths(static_cast<std::size_t>(size_)), starts(lengths.size());
  check(MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, MPI_COMM_WORLD), "MPI_Allgather");
  std::exclusive_scan(lengths.begin(), lengths.end(), starts.begin(), 0);
  std::string all(static_cast<std::size_t>(starts.back() + lengths.back()), '\0');
  check(MPI_Allgatherv(mine.data(), length, MPI_CHAR, all.data(), lengths.data(), starts.data(), MPI_CHAR,
                       MPI_COMM_WORLD),
        "MPI_Allgatherv");
  std::vector<std::string> parts;
  for (std::size_t r = 0; r < lengths.size(); ++r) {
    parts.push_back(all.substr(static_cast<std::size_t>(starts[r]), static_cast<std::size_t>(lengths[r])));
  }
  return parts;
}

void RollCall::pass_around(std::size_t bytes) const {
  const std::vector<char> out(bytes);
  std::vector<char> in(bytes);
  const int count = static_cast<int>(bytes);
  check(MPI_Sendrecv(out.data(), count, MPI_CHAR, (rank_ + 1) % size_, 0, in.data(), count, MPI_CHAR,
                     (rank_ + size_ - 1) % size_, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
        "MPI_Sendrecv");
  check(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
}

RollCall::ClockReading RollCall::compare_clocks() const {
  ClockReading best{.ahead_s = 0, .uncertainty_s = 1e9};
  for (int other = 1; other < size_; ++other) {
    for (int i = 0; i < kQuestions; ++i) {
      double theirs = wall_clock_s();
      if (rank_ == 0) {
        char question = 0;
        check(MPI_Recv(&question, 1, MPI_CHAR, other, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
        theirs = wall_clock_s();
        check(MPI_Send(&theirs, 1, MPI_DOUBLE, other, 1, MPI_COMM_WORLD), "MPI_Send");
      } else if (rank_ == other) {
        const char question = 0;
        const double asked = wall_clock_s();
        check(MPI_Send(&question, 1, MPI_CHAR, 0, 1, MPI_COMM_WORLD), "MPI_Send");
        check(MPI_Recv(&theirs, 1, MPI_DOUBLE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
        const double answered = wall_clock_s(), uncertainty = (answered - asked) / 2;
        if (uncertainty < best.uncertainty_s) best = {asked + uncertainty - theirs, uncertainty};
      }
    }
  }
  return rank_ == 0 ? ClockReading{} : best;
}

}  // namespace rensa
