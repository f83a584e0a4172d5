#include "comm/mpi/ring_all_reduce.h"

#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "comm/mpi/mpi_communicator.h"
#include "comm/shm/direct_reduction.h"

namespace rensa::mpi {
namespace {

/// Below the 64 KiB from which MPI over TCP asks the receiver before it sends: with several segments under way the
/// questions would queue behind them. About 0.5 ms at 1 Gbit/s.
constexpr std::int64_t kSegmentBytes = 60 * 1024;

/// How long to sleep between two looks at what is under way. A look costs system calls, and waking up costs more, on a
/// core that computes meanwhile; many segments are under way, so that the wire does not wait for one. So a look comes
/// when the next segment is due: they arrive at the pace of the network, which is known after a few.
class Pace {
 public:
  // A sleep ends some 50 us late unless the kernel is told otherwise, and MPI moves nothing meanwhile.
  Pace() : slack_(prctl(PR_GET_TIMERSLACK)) { prctl(PR_SET_TIMERSLACK, 1000UL); }
  ~Pace() { prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_)); }
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  void wait(MPI_Request& request) {
    int done = 0;
    auto late = kShortest;
    for (check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test"); !done; late = std::min(2 * late, kLongest)) {
      const auto due = last_ + (arrived_ > 0 ? (last_ - began_) / arrived_ : Clock::duration::zero());
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(due - Clock::now());
      std::this_thread::sleep_for(std::clamp<std::chrono::nanoseconds>(left, late, kLongest));
      check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    }
    ++arrived_;
    last_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::nanoseconds kShortest{10'000}, kLongest{500'000};
  const int slack_;  ///< nanoseconds
  const Clock::time_point began_ = Clock::now();
  Clock::time_point last_ = began_;  ///< when the last of them arrived
  std::int64_t arrived_ = 0;         ///< segments
};

class Ring {
 public:
  Ring(const Array& data, Reduce op, MPI_Comm comm)
      : data_(data), flat_(data.reshape({data.size()})), op_(op), comm_(comm) {
    check(MPI_Comm_rank(comm, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm, &size_), "MPI_Comm_size");
    segment_ = kSegmentBytes / static_cast<std::int64_t>(item_size(data.dtype()));
    for (int part = 0; part < size_; ++part) longest_ = std::max(longest_, end(part) - begin(part));
    arrived_ = empty({longest_}, data.dtype());
  }

  /// 2 (size - 1) steps: in step s this rank receives part (rank - s - 1) and has sent part (rank - s).
  void run() {
    const int steps = 2 * (size_ - 1);
    const std::int64_t segments = (longest_ + segment_ - 1) / segment_;
    for (std::int64_t k = 0; k < segments; ++k) {
      divide(rank_, k);
      send(rank_, k);
    }
    std::vector<MPI_Request> receives(static_cast<std::size_t>(segments), MPI_REQUEST_NULL);
    for (std::int64_t k = 0; k < segments; ++k) receives[static_cast<std::size_t>(k)] = receive(0, k);
    for (int step = 0; step < steps; ++step) {
      const int part = part_of(step);
      for (std::int64_t k = 0; k < segments; ++k) {
        MPI_Request& request = receives[static_cast<std::size_t>(k)];
        pace_.wait(request);
        if (step < size_ - 1) reduce(part, k);
        if (step + 1 == steps) continue;
        send(part, k);
        request = receive(step + 1, k);
      }
    }
    for (MPI_Request& request : sends_) pace_.wait(request);
  }

 private:
  std::int64_t begin(int part) const { return shm::part_begin(data_.size(), part, size_); }
  std::int64_t end(int part) const { return shm::part_begin(data_.size(), part + 1, size_); }
  int part_of(int step) const { return ((rank_ - step - 1) % size_ + size_) % size_; }
  std::byte* at(const Array& array, std::int64_t element) const {
    return static_cast<std::byte*>(array.raw_data()) + static_cast<std::size_t>(element) * item_size(data_.dtype());
  }
  /// Elements of segment k of a part: {first inside the part, count}; count 0 behind a shorter part's end.
  std::array<std::int64_t, 2> segment(int part, std::int64_t k) const {
    const std::int64_t length = end(part) - begin(part), first = std::min(k * segment_, length);
    return {first, std::min(segment_, length - first)};
  }
  int bytes(std::int64_t count) const {
    return static_cast<int>(count * static_cast<std::int64_t>(item_size(data_.dtype())));
  }

  void send(int part, std::int64_t k) {
    const auto [first, count] = segment(part, k);
    sends_.emplace_back();
    check(MPI_Isend(at(data_, begin(part) + first), bytes(count), MPI_BYTE, (rank_ + 1) % size_, kRingSegments, comm_,
                    &sends_.back()),
          "MPI_Isend");
  }
  MPI_Request receive(int step, std::int64_t k) {
    const int part = part_of(step);
    const auto [first, count] = segment(part, k);
    std::byte* const to = step < size_ - 1 ? at(arrived_, first) : at(data_, begin(part) + first);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Irecv(to, bytes(count), MPI_BYTE, (rank_ + size_ - 1) % size_, kRingSegments, comm_, &request),
          "MPI_Irecv");
    return request;
  }
  /// For the mean, every rank's elements are divided once, before they are first sent or added to: while others travel.
  void divide(int part, std::int64_t k) {
    if (op_ != Reduce::kMean) return;
    const auto [first, count] = segment(part, k);
    shm::scale(flat_.slice(0, {.start = begin(part) + first, .stop = begin(part) + first + count}), 1.0 / size_);
  }
  void reduce(int part, std::int64_t k) {
    divide(part, k);
    const auto [first, count] = segment(part, k);
    std::byte* const own = at(data_, begin(part) + first);
    const std::array<const void*, 2> inputs = {at(arrived_, first), own};
    const std::array<void*, 1> outputs = {own};
    shm::reduce_directly(inputs, outputs, 0, count, data_.dtype(), op_ == Reduce::kMean ? Reduce::kSum : op_);
  }

  const Array& data_;
  const Array flat_;
  const Reduce op_;
  const MPI_Comm comm_;
  int rank_ = 0, size_ = 1;
  std::int64_t segment_ = 1, longest_ = 0;
  Array arrived_;
  Pace pace_;
  std::vector<MPI_Request> sends_;
};

}  // namespace

void ring_all_reduce(const Array& data, Reduce op, MPI_Comm comm) { Ring(data, op, comm).run(); }

}  // namespace rensa::mpi
