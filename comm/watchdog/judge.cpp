#include "comm/watchdog/judge.h"

#include <algorithm>
#include <csignal>
#include <tuple>
#include <utility>

#include "comm/watchdog/last_words.h"
#include "comm/watchdog/wording.h"
#include "core/error.h"

namespace rensa::watchdog {
namespace {

/// How long signs of one event may lie apart.
constexpr double kSilenceSettles = 0.5, kFailureSettles = 0.5;
constexpr double kDeathSettles = 0.2;  ///< no longer: launchers end the others when one has died
/// The part of the limit after which a rank counts as silent when somebody else ends the job.
constexpr double kSilentWhenTerminated = 0.2;
/// A call that a rank which has left will never join; but its last message, or why it leaves, may be on its way still.
/// Ranks say what they do several times in this part of the heartbeat's limit.
constexpr double kLeftIsLate = 1, kLeftIsLateAtMost = 3, kBeatsOfHeartbeat = 20;
constexpr std::uint64_t kAnyReport = 0;

}  // namespace

Judge::Judge(std::vector<Seat> seats, int own, const std::vector<int>& watched, const Limits& limits,
             Clock::time_point now)
    : seats_(std::move(seats)), own_(own), limits_(limits), records_(seats_.size()) {
  for (const int rank : watched) records_[index(rank)].watched = true;
  forgive_silence(now);
}

void Judge::heard(int rank, Clock::time_point now) { records_[index(rank)].heard = now; }

void Judge::forgive_silence(Clock::time_point now) {
  for (Record& record : records_) record.heard = now;
  silence_since_.reset();
}

void Judge::report(int rank, const CommunicatorReport& report, Clock::time_point now) {
  auto& known = records_[index(rank)].communicators;
  // what is closed everywhere can no longer matter; on the way there it can
  constexpr std::size_t kMostKnown = 256;
  if (known.size() >= kMostKnown && !known.contains(report.id)) {
    const auto closed = std::find_if(known.begin(), known.end(), [](const auto& k) { return k.second.report.closed; });
    if (closed != known.end()) known.erase(closed);
  }
  Seen& seen = known[report.id];
  seen.report = report;
  seen.at = now;
}

void Judge::answered(int rank, const Detail& detail, Clock::time_point now) {
  Record& record = records_[index(rank)];
  record.answered = now;
  const auto known = record.communicators.find(detail.id);
  if (known != record.communicators.end()) known->second.detail = detail;
}

void Judge::failed(int rank, const std::string& reason, int status, Clock::time_point now) {
  Record& record = records_[index(rank)];
  if (record.failed_at) return;
  record.failed_at = now;
  record.reason = reason;
  record.status = status == 0 ? 1 : status;
  if (failure_since_) return;
  failure_since_ = now;
  ask(kAnyReport);
}

void Judge::left(int rank, Clock::time_point now) {
  Record& record = records_[index(rank)];
  record.standing = Standing::kLeft;
  for (auto& [id, seen] : record.communicators) {
    if (!std::exchange(seen.report.closed, true)) seen.at = now;
  }
}

void Judge::died(int rank, Clock::time_point now) {
  Record& record = records_[index(rank)];
  if (record.standing != Standing::kAlive) return;
  record.standing = Standing::kDied;
  if (death_since_) return;
  death_since_ = now;
  asked_.erase(kAnyReport);
  ask(kAnyReport);
}

/// 0 for ranks of which nothing is to be heard.
double Judge::silence_s(const Record& record, Clock::time_point now) {
  return record.watched && record.standing == Standing::kAlive ? seconds_between(record.heard, now) : 0;
}

bool Judge::is_silent(const Record& record, Clock::time_point now) const {
  return silence_s(record, now) > limits_.heartbeat_s;
}

std::vector<int> Judge::silent_ranks(double limit_s, Clock::time_point now) const {
  std::vector<int> silent;
  for (std::size_t r = 0; r < records_.size(); ++r) {
    if (silence_s(records_[r], now) > limit_s) silent.push_back(static_cast<int>(r));
  }
  return silent;
}

bool Judge::is_lost(int rank, Clock::time_point now) const {
  const Record& record = records_[index(rank)];
  return record.standing == Standing::kDied || is_silent(record, now);
}

bool Judge::is_alone() const {
  for (std::size_t r = 0; r < records_.size(); ++r) {
    if (r == index(own_) || !records_[r].watched) continue;
    if (records_[r].standing != Standing::kLeft) return false;
  }
  return true;
}

void Judge::ask(std::uint64_t id) {
  if (asked_.insert(id).second) questions_.push_back(id);
}

std::optional<std::uint64_t> Judge::question() {
  if (questions_.empty()) return {};
  const std::uint64_t id = questions_.back();
  questions_.pop_back();
  return id;
}

std::optional<Verdict> Judge::judge(Clock::time_point now) {
  if (auto found = judge_mismatch(now)) return found;
  if (auto found = judge_deaths(now)) return found;
  if (mismatch_since_ || death_since_) return {};  // what follows may be a consequence
  if (auto found = judge_failures(now)) return found;
  if (failure_since_) return {};
  if (auto found = judge_silence(now)) return found;
  if (silence_since_) return {};
  return judge_delays(now);
}

std::vector<std::uint64_t> Judge::communicators_outermost_first() const {
  std::map<std::uint64_t, const CommunicatorReport*> all;
  for (const Record& record : records_) {
    for (const auto& [id, seen] : record.communicators) all.emplace(id, &seen.report);
  }
  std::vector<std::uint64_t> ids;
  for (const auto& [id, report] : all) ids.push_back(id);
  std::sort(ids.begin(), ids.end(), [&](std::uint64_t a, std::uint64_t b) {
    const auto key = [&](std::uint64_t id) { return std::tuple(-all[id]->size, all[id]->level, id); };
    return key(a) < key(b);
  });
  return ids;
}

bool Judge::all_have_answered(Clock::time_point since) const {
  return std::all_of(records_.begin(), records_.end(), [&](const Record& record) {
    return !record.watched || record.standing != Standing::kAlive || record.answered >= since;
  });
}

/// Whether every rank that can still speak has told the calls that it remembers of a communicator.
bool Judge::all_remember(std::uint64_t id) const {
  return std::all_of(records_.begin(), records_.end(), [&](const Record& record) {
    const auto known = record.communicators.find(id);
    return !record.watched || record.standing != Standing::kAlive || known == record.communicators.end() ||
           known->second.detail;
  });
}

std::optional<Verdict> Judge::judge_deaths(Clock::time_point now) {
  if (!death_since_) return {};
  if (!all_have_answered(*death_since_) && seconds_between(*death_since_, now) < kDeathSettles) return {};
  for (std::size_t r = 0; r < records_.size(); ++r) {
    if (records_[r].standing != Standing::kDied) continue;
    const std::string last = last_call_of(records_[r]);
    return verdict(detail::join(name_of(static_cast<int>(r)),
                                " died without a word (killed, or it ended itself); last call: ", last, who_waits()),
                   1, now);
  }
  return {};
}

std::optional<Verdict> Judge::judge_failures(Clock::time_point now) {
  if (!failure_since_ || is_alone()) return {};
  if (seconds_between(*failure_since_, now) < kFailureSettles) {
    if (!all_have_answered(*failure_since_)) return {};
    // the error may follow from calls that differ, which reports of the last ones need not show
    bool all_told = true;
    for (const std::uint64_t id : communicators_outermost_first()) {
      ask(id);
      all_told = all_told && all_remember(id);
    }
    if (!all_told) return {};
  }
  const auto first = std::min_element(records_.begin(), records_.end(), [](const Record& a, const Record& b) {
    constexpr auto kNever = Clock::time_point::max();
    return a.failed_at.value_or(kNever) < b.failed_at.value_or(kNever);
  });
  if (first->status == kSignalStatus + SIGTERM) {
    // A launcher that has missed a host sooner than the limit here ends the other ranks: they are not to blame.
    const std::vector<int> silent = silent_ranks(limits_.heartbeat_s * kSilentWhenTerminated, now);
    if (!silent.empty()) {
      return verdict(silence_line(silent, now) + ". Then the other ranks were ended from outside (SIGTERM)",
                     first->status, now);
    }
  }
  const auto rank = static_cast<int>(first - records_.begin());
  return verdict(detail::join(name_of(rank), ": ", first->reason, " (last call: ", last_call_of(*first), ")"),
                 first->status, now);
}

std::optional<Verdict> Judge::judge_silence(Clock::time_point now) {
  const std::vector<int> silent = silent_ranks(limits_.heartbeat_s, now);
  if (silent.empty()) {
    silence_since_.reset();
    return {};
  }
  if (!silence_since_) silence_since_ = now;
  if (seconds_between(*silence_since_, now) < kSilenceSettles) return {};
  return verdict(silence_line(silent, now), 1, now);
}

std::string Judge::silence_line(const std::vector<int>& silent, Clock::time_point now) const {
  const double longest = seconds_between(records_[index(silent.front())].heard, now);
  // A whole host that is silent, or every other host: then it is a link.
  std::set<int> other_nodes, silent_nodes;
  for (std::size_t r = 0; r < records_.size(); ++r) {
    if (!records_[r].watched || records_[r].standing != Standing::kAlive) continue;
    const int node = seats_[r].node;
    if (node == seats_[index(own_)].node) continue;
    other_nodes.insert(node);
    silent_nodes.insert(node);
  }
  for (std::size_t r = 0; r < records_.size(); ++r) {
    const bool speaks = !std::binary_search(silent.begin(), silent.end(), static_cast<int>(r));
    if (records_[r].watched && records_[r].standing == Standing::kAlive && speaks) {
      silent_nodes.erase(seats_[r].node);
    }
  }
  const std::string since = detail::join("silent for ", in_seconds(longest));
  const Record& first = records_[index(silent.front())];
  if (other_nodes.size() > 1 && silent_nodes == other_nodes) {
    return detail::join(name_of(own_), ": all other hosts are ", since, ": the link of ", seats_[index(own_)].host,
                        " is cut. Last call of ", list_ranks(std::span(silent).first(1)), ": ", last_call_of(first));
  }
  const int node = seats_[index(silent.front())].node;
  std::vector<int> together;
  for (const int rank : silent) {
    if (seats_[index(rank)].node == node) together.push_back(rank);
  }
  const bool whole = silent_nodes.contains(node);
  std::string who = name_of(silent.front());
  if (together.size() > 1) {
    who = detail::join(list_ranks(together), " of ", seats_.size(), " on ", seats_[index(silent.front())].host);
  }
  return detail::join(who, together.size() > 1 ? " are " : " is ", since, ": stopped",
                      whole ? ", or the host is down or its link cut" : "", "; last call: ", last_call_of(first),
                      who_waits());
}

std::optional<Verdict> Judge::judge_delays(Clock::time_point now) {
  for (const std::uint64_t id : communicators_outermost_first()) {
    if (const auto line = lateness(id, now)) return verdict(*line, 1, now);
  }
  return {};
}

std::optional<std::string> Judge::lateness(std::uint64_t id, Clock::time_point now) const {
  std::vector<Waiter> waiters;  // longest first
  for (std::size_t r = 0; r < records_.size(); ++r) {
    const auto known = records_[r].communicators.find(id);
    if (known == records_[r].communicators.end()) continue;
    const Seen& seen = known->second;
    if (seen.report.running && !seen.report.closed) {
      waiters.push_back({static_cast<int>(r), &seen, seen.report.seconds + seconds_between(seen.at, now)});
    }
  }
  const auto waits_longer = [](const Waiter& a, const Waiter& b) { return a.seconds > b.seconds; };
  std::stable_sort(waiters.begin(), waiters.end(), waits_longer);
  for (const Waiter& waiter : waiters) {
    if (waiter.seconds < left_is_late()) break;
    const Missing missing = missing_in(id, waiter, now);
    if (missing.have_left) return lateness_line(waiter, missing, id);
  }
  if (waiters.empty() || waiters.front().seconds < limits_.call_s) return {};
  return lateness_line(waiters.front(), missing_in(id, waiters.front(), now), id);
}

double Judge::left_is_late() const {
  const double some_beats = limits_.heartbeat_s / kBeatsOfHeartbeat;
  return std::min(std::clamp(some_beats, kLeftIsLate, kLeftIsLateAtMost), limits_.call_s);
}

Judge::Missing Judge::missing_in(std::uint64_t id, const Waiter& waiter, Clock::time_point now) const {
  const CommunicatorReport& call = waiter.seen->report;
  Missing missing;
  for (std::size_t r = 0; r < records_.size(); ++r) {
    const auto known = records_[r].communicators.find(id);
    if (known == records_[r].communicators.end() || static_cast<int>(r) == waiter.rank) continue;
    const CommunicatorReport& other = known->second.report;
    const bool is_missing = call.last.collective ? other.number < call.number : other.rank == call.last.root;
    if (!is_missing) continue;
    const bool has_left = other.closed && seconds_between(known->second.at, now) >= left_is_late();
    if (has_left && !missing.have_left) missing.ranks.clear();
    if (missing.have_left && !has_left) continue;
    missing.have_left = missing.have_left || has_left;
    missing.ranks.push_back(static_cast<int>(r));
  }
  return missing;
}

std::string Judge::lateness_line(const Waiter& waiter, const Missing& missing, std::uint64_t id) const {
  const CommunicatorReport& call = waiter.seen->report;
  const std::string what = detail::join(numbered(call.last, call.number), " on ", call.name.data());
  if (missing.ranks.empty()) {
    const auto members = std::count_if(records_.begin(), records_.end(),
                                       [id](const Record& record) { return record.communicators.contains(id); });
    std::string others;
    if (call.last.collective) {
      others = members == call.size
                   ? ", though all ranks are in it"
                   : detail::join("; of ", call.size - members, " of its ", call.size, " ranks nothing is known here");
    }
    return detail::join(name_of(waiter.rank), ": ", what, " has not ended in ", in_seconds(waiter.seconds), others,
                        ". A longer limit: comm_timeout.");
  }
  const Record& culprit = records_[index(missing.ranks.front())];
  std::string who = name_of(missing.ranks.front());
  if (missing.ranks.size() > 1) {
    who = detail::join(list_ranks(missing.ranks), " of ", seats_.size(), " (", who, ")");
  }
  return detail::join(who, missing.have_left ? " has left and will not come to " : " did not come to ", what,
                      ", in which rank ", waiter.rank, " has waited ", in_seconds(waiter.seconds),
                      "; last call: ", last_call_of(culprit),
                      missing.have_left ? "" : ". A longer limit: comm_timeout.");
}

}  // namespace rensa::watchdog
