#include "comm/watchdog/watchdog.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <random>

#include "comm/communicators/communicator.h"
#include "comm/watchdog/host.h"
#include "core/error.h"

namespace rensa {

using namespace watchdog;

namespace {

constexpr std::chrono::milliseconds kConnectLimit(3000);  ///< to one address
constexpr std::chrono::seconds kVerdictLimit(4);
constexpr int kLargeJob = 256;  ///< ranks from which on signs of life are rarer: one station hears them all
/// Between signs of life, however long a silence may be: with them goes what calls a rank is in, and since when.
constexpr double kLongestInterval_s = 1;

Clock::duration interval_of(double heartbeat_s, int size) {
  const double beats = size < kLargeJob ? 50 : 10;  // in the time after which silence is death
  const std::chrono::duration<double> interval(std::min(heartbeat_s / beats, kLongestInterval_s));
  return std::chrono::duration_cast<Clock::duration>(interval);
}

std::uint64_t random_token() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a * 0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// The rank that judges if rank 0 is lost: on another host, if there is one.
int second_station(const std::vector<Seat>& seats) {
  const auto elsewhere =
      std::find_if(seats.begin(), seats.end(), [&](const Seat& seat) { return seat.node != seats.front().node; });
  return elsewhere == seats.end() ? 1 : elsewhere->rank;
}

/// Watchdogs that outlive their communicators.
struct KeptUntilExit {
  std::mutex mutex;
  std::vector<std::shared_ptr<Watchdog>> dogs;

  static KeptUntilExit& instance() {
    static auto* const kept = new KeptUntilExit;  // exit() may call after static objects are gone
    return *kept;
  }

  void let_go() {
    std::vector<std::shared_ptr<Watchdog>> past;  // ends outside of the lock: farewells take a moment
    const std::lock_guard lock(mutex);
    past.swap(dogs);
  }
};

}  // namespace

Watchdog::Watchdog(const Options& options, int rank, int size)
    : options_(options),
      rank_(rank),
      size_(size),
      pid_(getpid()),
      interval_(interval_of(options.limits.heartbeat_s, size)),
      wake_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

std::shared_ptr<Watchdog> Watchdog::start(Communicator& comm, const Options& options) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return nullptr;
  KeptUntilExit::instance().let_go();
  const std::shared_ptr<Watchdog> dog(new Watchdog(options, rank, size));
  Seat seat = own_seat(rank, comm.inter_rank());
  seat.port = dog->listener_.port();
  for (const std::string& bytes : comm.all_gather_bytes(pack(seat))) dog->seats_.push_back(unpack_seat(bytes));
  dog->token_ = Unpacker(comm.broadcast_bytes(Packer().put(random_token()).bytes(), 0)).get<std::uint64_t>();
  dog->stations_[1] = second_station(dog->seats_);
  if (!dog->is_station(rank)) dog->listener_.close();
  std::vector<int> heard_of;
  for (int r = 0; r < size; ++r) {
    if (dog->is_station(rank) || dog->is_station(r) || r == rank) heard_of.push_back(r);
  }
  dog->judge_.emplace(dog->seats_, rank, heard_of, options.limits, Clock::now());
  dog->thread_ = std::thread([raw = dog.get()] { raw->run(); });
  const std::string problem =
      dog->connect_to_stations() ? "" : detail::join("rank ", rank, " on ", seat.host, " reaches no station");
  std::string problems;
  for (const std::string& each : comm.all_gather_bytes(problem)) {
    if (!each.empty()) problems += (problems.empty() ? "" : ", ") + each;
  }
  if (problems.empty()) {
    auto words = std::make_unique<LastWords>([raw = dog.get()](int status) { raw->exited(status); });
    {
      const std::lock_guard lock(dog->mutex_);
      dog->last_words_ = std::move(words);
      dog->all_are_connected_ = true;
    }
    dog->wake();
    return dog;
  }
  if (rank == 0) {
    std::fprintf(
        stderr,
        "rensa: no watchdog: %s (TCP between the hosts is blocked?). A rank that is lost will not be noticed.\n",
        problems.c_str());
  }
  return nullptr;
}

bool Watchdog::connect_to_stations() {
  const Seat& own = seats_[static_cast<std::size_t>(rank_)];
  const std::string hello = Packer().put(token_).put(rank_).bytes();
  for (const int station : stations_) {
    if (station == rank_ || rank_ == stations_[0]) continue;  // the second station connects to the first
    const Seat& seat = seats_[static_cast<std::size_t>(station)];
    std::vector<std::string> addresses = seat.addresses;
    if (seat.host_key == own.host_key) addresses.insert(addresses.begin(), {"127.0.0.1", "::1"});
    Connection connection;
    for (std::size_t i = 0; i < addresses.size() && !connection.open(); ++i) {
      connection = connect(addresses[i], seat.port, hello, token_, kConnectLimit);
    }
    if (!connection.open()) return false;
    const std::lock_guard lock(mutex_);
    arriving_.push_back({station, std::move(connection)});
  }
  wake();
  return true;
}

/// exit() calls it.
void Watchdog::exited(int status) {
  if (status == 0) return stop();
  std::string reason = detail::join("ended itself with status ", status);
  if (kept_) reason += ", after an exception";
  bool ends_job = give_up(reason, status);
  if (!ends_job && has_unseen_ranks()) {
    const std::lock_guard lock(mutex_);
    ends_job = nobody_listens_;
    if (ends_job) std::fprintf(stderr, "rensa: rank %d of %d: %s\n", rank_, size_, reason.c_str());
  }
  if (!ends_job) return;
  std::cout.flush();  // end_process() comes before exit() would do it
  std::clog.flush();
  std::fflush(nullptr);
  end_process(status);  // not into MPI_Finalize: it would wait for ranks that have ended
}

Watchdog::~Watchdog() {
  stop();
  last_words_.reset();
  close(wake_descriptor_);
}

void Watchdog::stop() {
  if (!thread_.joinable()) return;
  if (pid_ != getpid()) return thread_.detach();  // a child process has no such thread
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void Watchdog::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_descriptor_, &one, sizeof one);  // full: awake already
}

void Watchdog::add(std::uint64_t id, int level, const Communicator& comm) {
  Watched entry;
  entry.told.id = id;
  entry.told.level = level;
  entry.told.rank = comm.rank();
  entry.told.size = comm.size();
  const std::string_view name = comm.name();
  std::copy_n(name.begin(), std::min(name.size(), entry.told.name.size() - 1), entry.told.name.begin());
  entry.calls = &comm.calls();
  const std::lock_guard lock(mutex_);
  watched_.push_back(entry);
}

void Watchdog::remove(std::uint64_t id) {
  if (pid_ != getpid()) return;  // a forked child's: the thread, which it does not have, may hold the lock
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& w) { return w.told.id == id; });
  if (entry == watched_.end()) return;
  const CallLog::State state = entry->calls->state();
  entry->calls = nullptr;
  entry->is_told = false;
  entry->since = state.since;
  CommunicatorReport& report = entry->told;
  report.closed = true;
  report.running = false;
  report.number = state.number;
  report.digest = state.digest;
  report.marks = state.marks;
  report.last = state.last;
}

bool Watchdog::give_up(const std::string& reason, int status) {
  if (pid_ != getpid()) return false;
  std::unique_lock lock(mutex_);
  if (stopping_) return false;
  waits_for_verdict_ = true;
  if (!failure_) failure_ = Failure{reason, status};
  lock.unlock();
  wake();
  lock.lock();
  changed_.wait_for(lock, kVerdictLimit, [&] { return judged_ || nobody_listens_; });
  return judged_;
}

void Watchdog::keep_until_exit() {
  if (kept_.exchange(true)) return;
  KeptUntilExit& kept = KeptUntilExit::instance();
  const std::lock_guard lock(kept.mutex);
  kept.dogs.push_back(shared_from_this());
}

Watch::Watch(std::shared_ptr<Watchdog> dog, std::uint64_t id, int level)
    : dog_(std::move(dog)), id_(id), level_(level), exceptions_(std::uncaught_exceptions()) {}

Watch::~Watch() {
  if (!begun_) return;
  dog_->remove(id_);
  // An exception destroys the program's communicator: main may catch it, tell it and return 1, which is when the job
  // ends.
  const bool unwinds = std::uncaught_exceptions() > exceptions_;
  if (level_ == 0 && unwinds) dog_->keep_until_exit();
}

std::unique_ptr<Watch> Watch::first(std::shared_ptr<Watchdog> dog, bool composed) {
  return std::unique_ptr<Watch>(new Watch(std::move(dog), composed ? 2 : 1, composed ? 0 : 1));
}

std::unique_ptr<Watch> Watch::child(int color) {
  const std::uint64_t id = mixed(mixed(id_, ++children_), static_cast<std::uint64_t>(color));
  return std::unique_ptr<Watch>(new Watch(dog_, id, level_ + 1));
}

void Watch::begin(const Communicator& comm) {
  dog_->add(id_, level_, comm);
  begun_ = true;
}

}  // namespace rensa
