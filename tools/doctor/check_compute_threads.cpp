#include <algorithm>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

/// As set_compute_threads (comm/compute_threads.h) chooses.
int threads_of(const RankFacts& rank, const std::vector<const RankFacts*>& host, const CheckOptions& options) {
  if (options.threads > 0) return options.threads;
  if (rank.wanted_threads > 0) return rank.wanted_threads;
  const auto sharing =
      std::count_if(host.begin(), host.end(), [&](const RankFacts* r) { return r->cores == rank.cores; });
  return std::max(1, static_cast<int>(rank.cores.size()) / static_cast<int>(sharing));
}

}  // namespace

CheckResult check_compute_threads(const Facts& facts, const CheckOptions& options) {
  CheckResult result{"compute threads", ""};
  for (const auto& [host, ranks] : by_host(facts)) {
    const int cores = usable_cores(ranks), count = static_cast<int>(ranks.size());
    int total = 0;
    for (const RankFacts* rank : ranks) total += threads_of(*rank, ranks, options);
    result.summary += (result.summary.empty() ? "" : "; ") + host + ": " + std::to_string(total) + " threads of " +
                      std::to_string(count) + " ranks on " + std::to_string(cores) + " cores";
    if (total <= std::max(cores, count)) continue;  // more ranks than cores is another check's finding
    const int share = std::max(1, cores / count);
    result.findings.push_back(
        {Severity::kWarning, host,
         std::to_string(count) + " ranks compute with " + std::to_string(total) + " threads on " +
             std::to_string(cores) + " cores: threads wait for each other at the end of every loop",
         "Unset OMP_NUM_THREADS and leave --threads at 0, so that Rensa divides the cores, or set " +
             std::to_string(share) + "."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
