#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "comm/watchdog/connection.h"
#include "comm/watchdog/judge.h"
#include "comm/watchdog/last_words.h"

namespace rensa {

class Communicator;

/// A rank's own limit on a wait is longer than the watchdog's by so much: the watchdog sees all ranks, and knows better
/// who is late.
inline constexpr double kWatchdogFirst_s = 5;

/// Ends a job of several processes, on all of them and within seconds, when one of them fails, dies, is stopped, is cut
/// off, comes too late, or makes another call than the others; and says on standard error whose fault it was.
///
/// A thread on each rank speaks to two stations, rank 0 and the first rank of another node (or rank 1), over TCP
/// connections of its own, so that it works while MPI hangs. A rank tells the stations a few times a second what its
/// communicators' calls are; rank 0 judges, the other station if rank 0 is lost; a rank that loses both judges for
/// itself. The thread never calls MPI and never enters a parallel region.
class Watchdog : public std::enable_shared_from_this<Watchdog> {
 public:
  struct Options {
    watchdog::Limits limits;
    /// What to do with a verdict instead of printing it and ending the process.
    std::function<void(const watchdog::Verdict&)> end{};
  };

  /// A call on all ranks of `comm` together, which serves to exchange addresses and is not needed afterwards. Null on
  /// every rank, with a warning on standard error, if a rank cannot be reached; and for a rank alone. Those that were
  /// kept until exit end here: a program that starts another is past what it kept them for.
  static std::shared_ptr<Watchdog> start(Communicator& comm, const Options& options);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From now on `calls` is watched. `id` is equal on the communicator's ranks, and of no other communicator.
  void add(std::uint64_t id, int level, const Communicator& comm);
  void remove(std::uint64_t id);

  /// This rank gives up: waits until that is known and judged, a few seconds at most. False if nobody could be told, or
  /// all others have left.
  bool give_up(const std::string& reason, int status);

  /// Lets it live without communicators, so that the program's end still tells how the program ended.
  void keep_until_exit();

 private:
  struct Watched {
    watchdog::CommunicatorReport told;  ///< what the stations know
    const CallLog* calls = nullptr;     ///< null: closed
    CallLog::Clock::time_point since;   ///< that of the state that was told
    bool is_told = false;
  };
  struct Peer {
    int rank = -1;  ///< -1: has not introduced itself yet
    watchdog::Connection connection;
  };
  struct Failure {
    std::string reason;
    int status = 1;
  };

  Watchdog(const Options& options, int rank, int size);
  bool connect_to_stations();
  void exited(int status);
  void stop();
  void wake();

  bool is_station(int rank) const { return rank == stations_[0] || rank == stations_[1]; }
  /// Whether there are ranks that this one does not hear of, who may wait for it when the stations have left.
  bool has_unseen_ranks() const { return !is_station(rank_) && size_ > 3; }
  void run();
  void say_farewell();
  void wait_for_news();
  void listen_to(Peer& peer);
  void take(Peer& peer, const watchdog::Message& message);
  void introduce(Peer& peer, const watchdog::Message& message);
  void take_local_news();
  void tell_failure(const Failure& failure);
  void stop_waiting_for_a_verdict();
  void beat();
  void tell_reports();
  std::vector<watchdog::CommunicatorReport> changed_reports();
  watchdog::Detail detail_of(std::uint64_t id);
  void tell_all(watchdog::MessageType type, std::string_view payload);
  bool is_judged();
  void judge();
  bool may_judge(watchdog::Clock::time_point now);
  bool speaks() const;
  void pronounce(const watchdog::Verdict& verdict);
  void obey(const watchdog::Verdict& verdict);

  const Options options_;
  const int rank_, size_;
  const std::int64_t pid_;
  const watchdog::Clock::duration interval_;
  std::atomic<bool> kept_ = false;  ///< until exit
  int stations_[2] = {0, 1};
  std::uint64_t token_ = 0;
  std::vector<watchdog::Seat> seats_;
  watchdog::Listener listener_;
  int wake_descriptor_ = -1;

  std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  std::vector<Watched> watched_;
  std::vector<Peer> arriving_;  ///< connections to stations, for the thread
  std::optional<Failure> failure_;
  bool all_are_connected_ = false, stopping_ = false, waits_for_verdict_ = false;
  bool judged_ = false, nobody_listens_ = false;  ///< how the wait for a verdict ends

  // of the thread alone
  std::vector<Peer> peers_;
  std::optional<watchdog::Judge> judge_;
  watchdog::Clock::time_point next_beat_, last_look_;
  std::optional<watchdog::Clock::time_point> stations_lost_since_;
  bool judges_ = false, judge_is_due_ = false, failure_is_told_ = false;

  std::unique_ptr<watchdog::LastWords> last_words_;
  std::thread thread_;
};

/// A communicator's place in the watchdog of its job, from when it is made until it goes.
class Watch {
 public:
  /// Of the communicator that the watchdog was started with, or (`composed`) the one made of it for the program.
  static std::unique_ptr<Watch> first(std::shared_ptr<Watchdog> dog, bool composed);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// That of a communicator which is split from this one. Called on all ranks, also those that get none.
  std::unique_ptr<Watch> child(int color);
  void begin(const Communicator& comm);
  Watchdog& dog() { return *dog_; }

 private:
  Watch(std::shared_ptr<Watchdog> dog, std::uint64_t id, int level);

  const std::shared_ptr<Watchdog> dog_;
  const std::uint64_t id_;
  const int level_;
  const int exceptions_;  ///< under way when it was made
  std::uint64_t children_ = 0;
  bool begun_ = false;
};

}  // namespace rensa
