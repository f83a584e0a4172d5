#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "comm/watchdog/host.h"
#include "comm/watchdog/watchdog.h"
#include "core/error.h"

namespace rensa {

using namespace watchdog;

namespace {

constexpr std::chrono::milliseconds kFarewell(500);  ///< for the last messages to leave
/// Of a rank that was killed. Open MPI 4's launcher deadlocks in one job of four when the ranks that wait for one in
/// MPI_Finalize end in the same moment as it is killed; told of the kill first, it ends them itself.
constexpr std::chrono::milliseconds kUntilTheLauncherKnows(700);

/// Signals are the program's; a fault in this thread itself ends the process as any other.
void leave_signals_to_the_program() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void print(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

std::string pack(const Verdict& verdict) {
  Packer out;
  out.put(verdict.status).put(static_cast<std::uint32_t>(verdict.lost.size()));
  for (const int rank : verdict.lost) out.put(rank);
  return out.put_text(verdict.text).bytes();
}

Verdict unpack_verdict(std::string_view bytes) {
  Unpacker in(bytes);
  Verdict verdict;
  verdict.status = in.get<int>();
  const auto lost = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < lost; ++i) verdict.lost.push_back(in.get<int>());
  verdict.text = in.get_text();
  return verdict;
}

}  // namespace

void Watchdog::run() {
  pthread_setname_np(pthread_self(), "rensa-watchdog");
  leave_signals_to_the_program();
  next_beat_ = last_look_ = Clock::now();
  while (true) {
    wait_for_news();
    const auto now = Clock::now();
    const bool was_asleep = now - last_look_ > std::max(10 * interval_, Clock::duration(std::chrono::seconds(1)));
    if (was_asleep) judge_->forgive_silence(now);  // this process was stopped or starved: it heard nobody
    last_look_ = now;
    for (std::size_t i = 0; i < peers_.size(); ++i) listen_to(peers_[i]);
    std::erase_if(peers_, [](const Peer& peer) { return !peer.connection.open(); });
    take_local_news();
    if (now >= next_beat_) {
      beat();
      next_beat_ = now + interval_;
      judge_is_due_ = true;
    }
    if (judge_is_due_) judge();
    const std::lock_guard lock(mutex_);
    if (stopping_) break;
  }
  say_farewell();
}

void Watchdog::say_farewell() {
  // The other side closes when it has read the farewell, unless it leaves too: then its own is the last that it sends.
  tell_reports();
  tell_all(MessageType::kBye, {});
  const auto end = Clock::now() + kFarewell;
  while (!peers_.empty() && Clock::now() < end) {
    next_beat_ = end;
    wait_for_news();
    for (Peer& peer : peers_) {
      peer.connection.flush();
      const std::vector<Message> messages = peer.connection.receive();
      const bool leaves =
          std::any_of(messages.begin(), messages.end(), [](const Message& m) { return m.type == MessageType::kBye; });
      const bool done = leaves && !peer.connection.has_unsent();
      if (done || peer.connection.health() != Connection::Health::kGood) peer.connection.close();
    }
    std::erase_if(peers_, [](const Peer& peer) { return !peer.connection.open(); });
  }
  peers_.clear();
}

void Watchdog::wait_for_news() {
  std::vector<pollfd> news = {{.fd = wake_descriptor_, .events = POLLIN, .revents = 0}};
  if (is_station(rank_)) news.push_back({.fd = listener_.socket(), .events = POLLIN, .revents = 0});
  {
    const std::lock_guard lock(mutex_);
    if (last_words_) news.push_back({.fd = last_words_->descriptor(), .events = POLLIN, .revents = 0});
  }
  for (const Peer& peer : peers_) {
    const auto events = static_cast<short>(peer.connection.has_unsent() ? POLLIN | POLLOUT : POLLIN);
    news.push_back({.fd = peer.connection.socket(), .events = events, .revents = 0});
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next_beat_ - Clock::now()).count();
  poll(news.data(), static_cast<nfds_t>(news.size()), static_cast<int>(std::max<std::int64_t>(0, left + 1)));
  std::uint64_t ignored = 0;
  while (read(wake_descriptor_, &ignored, sizeof ignored) > 0) {
  }
}

void Watchdog::listen_to(Peer& peer) {
  peer.connection.flush();
  for (const Message& message : peer.connection.receive()) {
    try {
      peer.rank < 0 ? introduce(peer, message) : take(peer, message);
    } catch (const CommError&) {  // not of this program: whoever it is, not a rank
      peer.connection.close();
    }
    if (!peer.connection.open()) return;
  }
  if (peer.connection.health() == Connection::Health::kGood) return;
  if (peer.connection.health() == Connection::Health::kClosed && peer.rank >= 0) {
    judge_->died(peer.rank, Clock::now());
    judge_is_due_ = true;
  }
  peer.connection.close();  // broken by the network: silent from now on
}

void Watchdog::introduce(Peer& peer, const Message& message) {
  Unpacker in(message.payload);
  if (message.type != MessageType::kHello || in.get<std::uint64_t>() != token_) throw CommError("a stranger");
  peer.rank = in.get<int>();
  if (peer.rank < 0 || peer.rank >= size_) throw CommError("no such rank");
  judge_->heard(peer.rank, Clock::now());
  peer.connection.send(MessageType::kHello, Packer().put(token_).bytes());
}

void Watchdog::take(Peer& peer, const Message& message) {
  const auto now = Clock::now();
  judge_->heard(peer.rank, now);
  Unpacker in(message.payload);
  switch (message.type) {
    case MessageType::kReports:
      while (!in.empty()) judge_->report(peer.rank, in.get<CommunicatorReport>(), now);
      break;
    case MessageType::kAsk:
      tell_reports();
      peer.connection.send(MessageType::kDetail, watchdog::pack(detail_of(in.get<std::uint64_t>())));
      break;
    case MessageType::kDetail:
      judge_->answered(peer.rank, unpack_detail(message.payload), now);
      judge_is_due_ = true;
      break;
    case MessageType::kFailed: {
      const int status = in.get<int>();
      judge_->failed(peer.rank, in.get_text(), status, now);
      judge_is_due_ = true;
      break;
    }
    case MessageType::kBye:
      judge_->left(peer.rank, now);
      peer.connection.close();
      break;
    case MessageType::kVerdict: {
      if (is_judged()) break;
      const Verdict verdict = unpack_verdict(message.payload);
      if (is_station(rank_)) tell_all(MessageType::kVerdict, message.payload);  // some may not have heard it
      obey(verdict);
      break;
    }
    default:
      break;
  }
}

void Watchdog::take_local_news() {
  for (Connection news = is_station(rank_) ? listener_.accept() : Connection(); news.open();
       news = listener_.accept()) {
    peers_.push_back({-1, std::move(news)});
  }
  std::optional<Failure> failure;
  {
    const std::lock_guard lock(mutex_);
    for (Peer& peer : arriving_) {
      judge_->heard(peer.rank, Clock::now());
      peers_.push_back(std::move(peer));
    }
    arriving_.clear();
    if (all_are_connected_ && !judges_) {
      judges_ = true;
      judge_->forgive_silence(Clock::now());  // of ranks that looked for a way to the stations until now
    }
    const std::optional<int> signal = last_words_ ? last_words_->signal() : std::nullopt;
    if (signal && !failure_) failure_ = Failure{signal_description(*signal), kSignalStatus + *signal};
    if (failure_ && !failure_is_told_) failure = failure_;
  }
  if (failure) tell_failure(*failure);
  if (failure_is_told_ && judge_->is_alone()) stop_waiting_for_a_verdict();
}

void Watchdog::tell_failure(const Failure& failure) {
  failure_is_told_ = true;
  tell_reports();
  judge_->failed(rank_, failure.reason, failure.status, Clock::now());
  tell_all(MessageType::kFailed, Packer().put(failure.status).put_text(failure.reason).bytes());
  judge_is_due_ = true;
}

/// All others have left: the thread that failed ends this process in its own way, and theirs go on.
void Watchdog::stop_waiting_for_a_verdict() {
  {
    const std::lock_guard lock(mutex_);
    nobody_listens_ = true;
    if (last_words_) last_words_->answer();
  }
  changed_.notify_all();
}

void Watchdog::beat() {
  tell_reports();
  tell_all(MessageType::kBeat, {});
  judge_->heard(rank_, Clock::now());
}

std::vector<CommunicatorReport> Watchdog::changed_reports() {
  std::vector<CommunicatorReport> changed;
  const auto now = CallLog::Clock::now();
  const std::lock_guard lock(mutex_);
  for (Watched& entry : watched_) {
    CommunicatorReport& report = entry.told;
    if (entry.calls) {
      const CallLog::State state = entry.calls->state();
      if (entry.is_told && state.since == entry.since && state.number == report.number &&
          state.running == report.running && state.last == report.last) {  // times alone may be of one tick
        continue;
      }
      entry.since = state.since;
      report.running = state.running;
      report.number = state.number;
      report.digest = state.digest;
      report.marks = state.marks;
      report.last = state.last;
    }
    // a communicator without calls so far: nothing began
    report.seconds = report.last.name[0] == 0 ? 0 : std::chrono::duration<double>(now - entry.since).count();
    entry.is_told = true;
    changed.push_back(report);
  }
  std::erase_if(watched_, [](const Watched& entry) { return !entry.calls; });
  return changed;
}

void Watchdog::tell_reports() {
  const std::vector<CommunicatorReport> changed = changed_reports();
  if (changed.empty()) return;
  const auto now = Clock::now();
  Packer out;
  for (const CommunicatorReport& report : changed) {
    judge_->report(rank_, report, now);
    out.put(report);
  }
  for (Peer& peer : peers_) {
    if (peer.rank >= 0 && is_station(peer.rank)) peer.connection.send(MessageType::kReports, out.bytes());
  }
}

Detail Watchdog::detail_of(std::uint64_t id) {
  Detail detail{.id = id, .first = 0, .calls = {}};
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& w) { return w.told.id == id; });
  if (entry == watched_.end() || !entry->calls) return detail;
  const std::uint64_t last = entry->told.number;  // no further than what was reported
  detail.first = last < CallLog::kKept ? 1 : last - CallLog::kKept + 1;
  for (std::uint64_t number = detail.first; number <= last; ++number) {
    detail.calls.push_back(entry->calls->kept(number));
  }
  // calls made meanwhile may have taken the place of the oldest
  while (!detail.calls.empty() && detail.calls.front().call.name[0] == 0) {
    detail.calls.erase(detail.calls.begin());
    ++detail.first;
  }
  return detail;
}

void Watchdog::tell_all(MessageType type, std::string_view payload) {
  for (Peer& peer : peers_) {
    if (peer.rank >= 0) peer.connection.send(type, payload);
  }
}

bool Watchdog::may_judge(Clock::time_point now) {
  if (rank_ == stations_[0]) return true;
  const auto is_gone = [&](int station) { return judge_->is_lost(station, now) || judge_->has_left(station); };
  if (rank_ == stations_[1]) return is_gone(stations_[0]);
  const bool any_lost = judge_->is_lost(stations_[0], now) || judge_->is_lost(stations_[1], now);
  if (!any_lost) stations_lost_since_.reset();
  if (is_gone(stations_[0]) && is_gone(stations_[1])) return true;
  if (!any_lost) return false;
  // the station that is left should judge; if it does not, its link to the rest is as bad
  if (!stations_lost_since_) stations_lost_since_ = now;
  return std::chrono::duration<double>(now - *stations_lost_since_).count() > options_.limits.heartbeat_s + 3;
}

/// Stations speak for all; of ranks that have lost them the first of each host; ranks that they have left each for
/// itself, because nobody knows who is still there.
bool Watchdog::speaks() const {
  if (is_station(rank_) || (judge_->has_left(stations_[0]) && judge_->has_left(stations_[1]))) return true;
  const std::string& host = seats_[static_cast<std::size_t>(rank_)].host_key;
  const auto first = std::find_if(seats_.begin(), seats_.end(),
                                  [&](const Seat& seat) { return !is_station(seat.rank) && seat.host_key == host; });
  return first->rank == rank_;
}

bool Watchdog::is_judged() {
  const std::lock_guard lock(mutex_);
  return judged_;
}

void Watchdog::judge() {
  judge_is_due_ = false;
  const auto now = Clock::now();
  if (!judges_ || is_judged() || !may_judge(now)) return;
  const auto found = judge_->judge(now);
  while (const auto id = judge_->question()) {
    tell_reports();
    judge_->answered(rank_, detail_of(*id), Clock::now());
    tell_all(MessageType::kAsk, Packer().put(*id).bytes());
  }
  if (found) pronounce(*found);
}

void Watchdog::pronounce(const Verdict& verdict) {
  if (!options_.end && speaks()) print(verdict.text);
  tell_all(MessageType::kVerdict, pack(verdict));
  const auto end = Clock::now() + kFarewell;
  const auto any_open = [&] {
    return std::any_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.connection.open(); });
  };
  while (!options_.end && any_open() && Clock::now() < end) {  // those who have heard it close
    next_beat_ = end;
    wait_for_news();
    for (Peer& peer : peers_) {
      peer.connection.flush();
      peer.connection.receive();
      if (peer.connection.health() != Connection::Health::kGood) peer.connection.close();
    }
    std::erase_if(peers_, [](const Peer& peer) { return !peer.connection.open(); });
  }
  obey(verdict);
}

void Watchdog::obey(const Verdict& verdict) {
  if (options_.end) {
    options_.end(verdict);
  } else {
    for (const int rank : verdict.lost) kill_process(seats_[static_cast<std::size_t>(rank)]);
    if (!verdict.lost.empty()) std::this_thread::sleep_for(kUntilTheLauncherKnows);
  }
  bool others_end_it = false;
  {
    const std::lock_guard lock(mutex_);
    judged_ = true;
    others_end_it = waits_for_verdict_ || (last_words_ && last_words_->any());
    if (last_words_) last_words_->answer();
  }
  changed_.notify_all();
  if (options_.end) return;
  if (others_end_it) sleep(2);  // the thread that failed ends the process in its own way
  end_process(verdict.status);
}

}  // namespace rensa
