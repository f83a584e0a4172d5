#include "tools/doctor/check.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <set>
#include <sstream>

namespace rensa::tools::doctor {

Severity CheckResult::worst() const {
  Severity worst = Severity::kFine;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  return worst;
}

std::vector<CheckResult> run_checks(const Facts& facts, const CheckOptions& options) {
  std::vector<CheckResult> results;
  for (Check* const check : {check_launcher, check_thread_level, check_cuda_awareness, check_nccl, check_binding,
                             check_oversubscription, check_compute_threads, check_interfaces, check_versions,
                             check_shared_memory, check_clock_skew, check_fork_hazards, check_limits}) {
    results.push_back(check(facts, options));
  }
  return results;
}

Severity worst(const std::vector<CheckResult>& results) {
  Severity worst = Severity::kFine;
  for (const CheckResult& result : results) worst = std::max(worst, result.worst());
  return worst;
}

std::map<std::string, std::vector<const RankFacts*>> by_host(const Facts& facts) {
  std::map<std::string, std::vector<const RankFacts*>> hosts;
  for (const RankFacts& rank : facts) hosts[rank.host].push_back(&rank);
  return hosts;
}

int usable_cores(const std::vector<const RankFacts*>& ranks) {
  std::set<int> cores;
  double quota = 0;
  for (const RankFacts* rank : ranks) {
    cores.insert(rank->cores.begin(), rank->cores.end());
    quota = std::max(quota, rank->core_quota);
  }
  const int count = std::max(1, static_cast<int>(cores.size()));
  return quota > 0 ? std::clamp(static_cast<int>(std::ceil(quota)), 1, count) : count;
}

std::string rank_list(const std::vector<const RankFacts*>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) text += (i ? ", " : "") + std::to_string(ranks[i]->rank);
  return text;
}

std::string mebibytes(std::int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

}  // namespace rensa::tools::doctor
