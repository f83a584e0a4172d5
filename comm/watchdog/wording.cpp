#include "comm/watchdog/wording.h"

#include <algorithm>
#include <cmath>
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
/// Calls whose ends lie closer together ended at once, as far as the coarse clock of CallLog can tell.
constexpr double kTick_s = 0.01;

/// Whether the last call of `a` tells more of a rank than that of `b`: one under way before others, then one that ended
/// later; of those the outermost communicator's, which is the program's own.
template <class Seen>
bool tells_more(const Seen& a, const Seen& b) {
  const CommunicatorReport &x = a.report, &y = b.report;
  if (x.running != y.running) return x.running;
  if (x.running) return std::tuple(x.size, -x.level) > std::tuple(y.size, -y.level);
  const double later = seconds_between(b.at, a.at) - (x.seconds - y.seconds);
  if (std::abs(later) > kTick_s) return later > 0;
  return std::tuple(-x.level, x.number) > std::tuple(-y.level, y.number);
}

template <class Communicators>
const auto* telling(const Communicators& communicators) {
  const typename Communicators::mapped_type* best = nullptr;
  for (const auto& [id, seen] : communicators) {
    if (seen.report.last.name[0] == 0) continue;
    if (!best || tells_more(seen, *best)) best = &seen;
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
    if (is_silent(records_[r], now) || records_[r].standing == Standing::kLeft)
      result.lost.push_back(static_cast<int>(r));
  }
  return result;
}

}  // namespace rensa::watchdog
