#include <algorithm>

#include "comm/watchdog/judge.h"
#include "comm/watchdog/wording.h"
#include "core/error.h"

namespace rensa::watchdog {
namespace {

constexpr double kMismatchSettles = 2;  ///< how long to wait for ranks that have not made the call yet

/// The digest that a report shows for call `number`, if it shows one.
std::optional<std::uint64_t> digest_at(const CommunicatorReport& report, std::uint64_t number) {
  if (report.number == number) return report.digest;
  for (const CallLog::Mark& mark : report.marks) {
    if (mark.number == number) return mark.digest;
  }
  return {};
}

}  // namespace

std::optional<Judge::Mismatch> Judge::find_mismatch() const {
  for (const std::uint64_t id : communicators_outermost_first()) {
    std::map<std::uint64_t, std::uint64_t> first_seen;  // call number → digest
    std::optional<std::uint64_t> lowest;
    for (const Record& record : records_) {
      const auto known = record.communicators.find(id);
      if (known == record.communicators.end()) continue;
      const auto compare = [&](std::uint64_t number, std::uint64_t digest) {
        const auto [entry, is_new] = first_seen.emplace(number, digest);
        if (!is_new && entry->second != digest) lowest = std::min(lowest.value_or(number), number);
      };
      const CommunicatorReport& report = known->second.report;
      compare(report.number, report.digest);
      for (const CallLog::Mark& mark : report.marks) {
        if (mark.number > 0 && mark.number != report.number) compare(mark.number, mark.digest);
      }
      if (!known->second.detail) continue;
      std::uint64_t number = known->second.detail->first;
      for (const CallLog::Kept& kept : known->second.detail->calls) compare(number++, kept.digest);
    }
    if (lowest) return Mismatch{id, *lowest};
  }
  return {};
}

/// Whether every rank of the communicator that can still speak has made the call and told what it remembers.
bool Judge::all_know(const Mismatch& mismatch, Clock::time_point now) const {
  std::int32_t members = 0, size = 0;
  for (const Record& record : records_) {
    const auto known = record.communicators.find(mismatch.id);
    if (known == record.communicators.end()) continue;
    ++members;
    size = known->second.report.size;
    if (record.standing != Standing::kAlive || is_silent(record, now)) continue;
    const auto& detail = known->second.detail;
    if (!detail || detail->first + detail->calls.size() <= mismatch.number) return false;
  }
  return members == size;
}

std::optional<Verdict> Judge::judge_mismatch(Clock::time_point now) {
  if (const auto found = find_mismatch()) mismatch_ = found;
  const std::optional<Mismatch>& mismatch = mismatch_;
  if (!mismatch) return {};
  if (!mismatch_since_) mismatch_since_ = now;
  ask(mismatch->id);
  const bool over = seconds_between(*mismatch_since_, now) > kMismatchSettles;
  if (!over && !all_know(*mismatch, now)) {
    // a rank that had not made the call yet is asked once more when it has
    const bool any_behind = std::any_of(records_.begin(), records_.end(), [&](const Record& record) {
      const auto known = record.communicators.find(mismatch->id);
      if (known == record.communicators.end() || !known->second.detail) return false;
      const Detail& detail = *known->second.detail;
      return detail.first + detail.calls.size() <= mismatch->number && known->second.report.number >= mismatch->number;
    });
    if (any_behind) asked_.erase(mismatch->id);
    return {};
  }
  // The first call that ranks remember differently; without memories of it, who differs by digest.
  std::vector<int> ranks;
  std::vector<const Seen*> seen;
  std::uint64_t first = 1;
  for (std::size_t r = 0; r < records_.size(); ++r) {
    const auto known = records_[r].communicators.find(mismatch->id);
    if (known == records_[r].communicators.end()) continue;
    ranks.push_back(static_cast<int>(r));
    seen.push_back(&known->second);
    if (known->second.detail) first = std::max(first, known->second.detail->first);
  }
  const std::string where = detail::join(" on ", seen.front()->report.name.data());
  for (std::uint64_t number = first; number <= mismatch->number; ++number) {
    std::vector<int> present;
    std::vector<Call> calls;
    std::set<std::uint64_t> digests;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!seen[i]->detail) continue;
      const Detail& detail = *seen[i]->detail;
      if (number < detail.first || number >= detail.first + detail.calls.size()) continue;
      const CallLog::Kept& kept = detail.calls[static_cast<std::size_t>(number - detail.first)];
      present.push_back(ranks[i]);
      calls.push_back(kept.call);
      digests.insert(kept.digest);
    }
    if (digests.size() < 2) continue;
    const std::string who = describe_disagreement(calls, present);
    if (who.empty()) break;  // they differ since an earlier call, which is forgotten
    std::string hosts;
    std::map<std::string, int> votes;
    for (const Call& call : calls) ++votes[describe(call)];
    int most = 0;
    for (const auto& [call, count] : votes) most = std::max(most, count);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const bool majority = 2 * static_cast<std::size_t>(most) > calls.size() && votes[describe(calls[i])] == most;
      if (!majority) hosts += detail::join(hosts.empty() ? "" : ", ", name_of(present[i]));
    }
    return verdict(detail::join(hosts, ": call #", number, where, ": ", who), 1, now);
  }
  std::map<std::uint64_t, std::vector<int>> parties;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (const auto digest = digest_at(seen[i]->report, mismatch->number)) parties[*digest].push_back(ranks[i]);
  }
  std::vector<std::vector<int>> groups;
  for (const auto& [digest, members] : parties) groups.push_back(members);
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::string line;
  for (const auto& group : groups) line += (line.empty() ? "" : ", unlike ") + list_ranks(group);
  const int named = groups.empty() || groups.front().empty() ? own_ : groups.front().front();
  return verdict(detail::join(name_of(named), ": ", line, " made other calls", where, " at or before call #",
                              mismatch->number, ". Every rank must make the same calls in the same order."),
                 1, now);
}

}  // namespace rensa::watchdog
