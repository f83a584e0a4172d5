#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "comm/watchdog/report.h"

namespace rensa::watchdog {

struct Limits {
  double heartbeat_s = 5;  ///< silence after which a rank is lost
  double call_s = 300;     ///< how long a rank may be late for a call
};

/// Why a job ends.
struct Verdict {
  int status = 1;
  std::vector<int> lost;  ///< ranks that may not end by themselves: silent ones, and such as have left, which may wait
                          ///< in MPI_Finalize for those that end now
  std::string text;       ///< a line that names the culprit, and the table of each rank's last call
};

/// Hears what ranks say and decides whether the job has failed and whose fault it is. Knows no sockets and no clock.
///
/// In order: ranks that made different calls (the others' errors follow from it); a rank that died; one that gave up;
/// one that is silent; one that is late. Where the first sign may be a consequence of something that is still on its
/// way, it waits a moment. When a rank gives up, all are asked for the calls that they remember: a message of another
/// length than expected is an error where it arrives, but the fault of the rank that sent it. A rank that gives up when
/// all others have left ends alone: they have done their work, and none waits for it.
class Judge {
 public:
  /// `own` is the rank that judges; `watched` are the ranks it hears of, itself among them.
  Judge(std::vector<Seat> seats, int own, const std::vector<int>& watched, const Limits& limits, Clock::time_point now);

  void heard(int rank, Clock::time_point now);
  /// This process itself was stopped or starved: nobody is silent because it heard nothing.
  void forgive_silence(Clock::time_point now);
  void report(int rank, const CommunicatorReport& report, Clock::time_point now);
  void answered(int rank, const Detail& detail, Clock::time_point now);
  void failed(int rank, const std::string& reason, int status, Clock::time_point now);
  void left(int rank, Clock::time_point now);
  void died(int rank, Clock::time_point now);

  /// Whether every other rank that it hears of has left.
  bool is_alone() const;
  bool has_left(int rank) const { return records_[index(rank)].standing == Standing::kLeft; }
  /// Dead, or silent beyond the limit.
  bool is_lost(int rank, Clock::time_point now) const;
  /// A communicator whose details all ranks are to send (0: any report), once; empty: nothing to ask.
  std::optional<std::uint64_t> question();
  /// Empty while all is well or the moment to wait is not over. The status of the verdict is never 0.
  std::optional<Verdict> judge(Clock::time_point now);

 private:
  enum class Standing { kAlive, kLeft, kDied };
  struct Seen {
    CommunicatorReport report;
    Clock::time_point at;
    std::optional<Detail> detail;
  };
  struct Record {
    bool watched = false;
    Standing standing = Standing::kAlive;
    Clock::time_point heard, answered;
    std::map<std::uint64_t, Seen> communicators;
    std::optional<Clock::time_point> failed_at;
    std::string reason;
    int status = 1;
  };
  /// A rank that is in a call, and for how long.
  struct Waiter {
    int rank;
    const Seen* seen;
    double seconds;
  };
  /// Ranks that a call lacks: those that have left, or if none has those that are late.
  struct Missing {
    std::vector<int> ranks;
    bool have_left = false;
  };
  /// Ranks whose calls differ at or before call `number` of a communicator.
  struct Mismatch {
    std::uint64_t id = 0, number = 0;
  };

  static std::size_t index(int rank) { return static_cast<std::size_t>(rank); }
  static double silence_s(const Record& record, Clock::time_point now);
  bool is_silent(const Record& record, Clock::time_point now) const;
  std::vector<int> silent_ranks(double limit_s, Clock::time_point now) const;
  std::string silence_line(const std::vector<int>& silent, Clock::time_point now) const;
  std::vector<std::uint64_t> communicators_outermost_first() const;
  std::optional<Mismatch> find_mismatch() const;
  bool all_know(const Mismatch& mismatch, Clock::time_point now) const;
  bool all_have_answered(Clock::time_point since) const;
  bool all_remember(std::uint64_t id) const;
  void ask(std::uint64_t id);

  std::optional<Verdict> judge_mismatch(Clock::time_point now);
  std::optional<Verdict> judge_deaths(Clock::time_point now);
  std::optional<Verdict> judge_failures(Clock::time_point now);
  std::optional<Verdict> judge_silence(Clock::time_point now);
  std::optional<Verdict> judge_delays(Clock::time_point now);
  std::optional<std::string> lateness(std::uint64_t id, Clock::time_point now) const;
  double left_is_late() const;  ///< seconds
  Missing missing_in(std::uint64_t id, const Waiter& waiter, Clock::time_point now) const;
  std::string lateness_line(const Waiter& waiter, const Missing& missing, std::uint64_t id) const;

  std::string name_of(int rank) const;
  std::string last_call_of(const Record& record) const;
  std::string who_waits() const;
  std::string table(Clock::time_point now) const;
  Verdict verdict(const std::string& line, int status, Clock::time_point now) const;

  const std::vector<Seat> seats_;
  const int own_;
  const Limits limits_;
  std::vector<Record> records_;
  std::optional<Mismatch> mismatch_;  ///< the one that was seen last: reports move on, it stays
  std::optional<Clock::time_point> mismatch_since_, death_since_, failure_since_, silence_since_;
  std::vector<std::uint64_t> questions_;
  std::set<std::uint64_t> asked_;
};

}  // namespace rensa::watchdog
