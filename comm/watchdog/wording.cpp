#include "comm/watchdog/wording.h"

#include <algorithm>
#include <tuple>

#include "comm/watchdog/judge.h"
#include "core/error.h"

namespace rensa::watchdog {

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string in_seconds(double seconds) {
  std::ostringstream out;
  out.precision(1);
  out << std::fixed << seconds << " s";
  return out.str();
}

std::string numbered(const Call& call, std::uint64_t number) {
  std::string text = describe(call);
  if (!call.collective) return text;
  text.insert(std::min(text.size(), std::string_view(call.name.data()).size()), " #" + std::to_string(number));
  return text;
}

std::string Judge::name_of(int rank) const {
  return detail::join("rank ", rank, " of ", seats_.size(), " on ", seats_[index(rank)].host);
}

namespace {
/// The call that tells most of a rank: one under way before others, of the outermost communicator.
template <class Communicators>
const auto* telling(const Communicators& communicators) {
  const typename Communicators::mapped_type* best = nullptr;
  for (const auto& [id, seen] : communicators) {
    if (seen.report.last.name[0] == 0) continue;
    const auto key = [](const auto& s) {
      const CommunicatorReport& r = s.report;
      return std::tuple(r.running, r.running ? r.size : 0, r.running ? -r.level : 0, r.running ? 0 : -r.seconds);
    };
    if (!best || key(seen) > key(*best)) best = &seen;
  }
  return best;
}
}  // namespace

std::string Judge::last_call_of(const Record& record) const {
  const Seen* const seen = telling(record.communicators);
  if (!seen) return "none";
  return detail::join(numbered(seen->report.last, seen->report.number), " on ", seen->report.name.data());
}

/// "; rank 0 is in all_reduce #17 …": what a rank that cannot be asked any more is missed in.
std::string Judge::who_waits() const {
  for (std::size_t r = 0; r < records_.size(); ++r) {
    if (records_[r].standing != Standing::kAlive) continue;
    const Seen* const seen = telling(records_[r].communicators);
    if (seen && seen->report.running) return detail::join("; rank ", r, " is in ", last_call_of(records_[r]));
  }
  return {};
}

std::string Judge::table(Clock::time_point now) const {
  constexpr std::size_t kMostRows = 256;
  std::size_t widest = 4;
  for (const Seat& seat : seats_) widest = std::max(widest, seat.host.size());
  const auto padded = [](std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
  };
  std::string text = detail::join("  rank  ", padded("host", widest), "  last call\n");
  for (std::size_t r = 0; r < records_.size() && r < kMostRows; ++r) {
    const Record& record = records_[r];
    std::string state = "unknown here";
    if (const Seen* const seen = telling(record.communicators)) {
      const double age = seen->report.seconds + seconds_between(seen->at, now);
      state = detail::join(last_call_of(record), seen->report.running ? ", for " : ", ended ", in_seconds(age),
                           seen->report.running ? "" : " ago");
    } else if (record.watched) {
      state = "none yet";
    }
    if (record.standing == Standing::kLeft) state += "; has left";
    if (record.standing == Standing::kDied) state += "; DIED";
    if (is_silent(record, now)) state += detail::join("; SILENT for ", in_seconds(seconds_between(record.heard, now)));
    if (record.failed_at) state += "; GAVE UP";
    const std::string rank = std::to_string(r);
    text += detail::join(std::string(rank.size() < 6 ? 6 - rank.size() : 0, ' '), rank, "  ",
                         padded(seats_[r].host, widest), "  ", state, "\n");
  }
  if (records_.size() > kMostRows) text += detail::join("  and ", records_.size() - kMostRows, " more ranks\n");
  return text;
}

Verdict Judge::verdict(const std::string& line, int status, Clock::time_point now) const {
  Verdict result{.status = status == 0 ? 1 : status, .lost = {}, .text = {}};
  std::string one_line = line;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  result.text = "rensa: " + one_line + "\n" + table(now);
  for (std::size_t r = 0; r < records_.size(); ++r) {
    if (is_silent(records_[r], now)) result.lost.push_back(static_cast<int>(r));
  }
  return result;
}

}  // namespace rensa::watchdog
