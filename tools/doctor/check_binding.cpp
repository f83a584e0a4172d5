#include <algorithm>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

/// mpirun binds each rank to one core by default when there are at most two of them; the other cores then stay idle.
CheckResult check_binding(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"binding", ""};
  for (const auto& [host, ranks] : by_host(facts)) {
    const int cores = ranks.front()->host_cores, share = std::max(1, cores / static_cast<int>(ranks.size()));
    std::vector<const RankFacts*> narrow;
    for (const RankFacts* rank : ranks) {
      if (static_cast<int>(rank->cores.size()) < share) narrow.push_back(rank);
    }
    result.summary += (result.summary.empty() ? "" : "; ") + host + ": " + std::to_string(usable_cores(ranks)) +
                      " of " + std::to_string(cores) + " cores";
    if (narrow.empty()) continue;
    result.findings.push_back({Severity::kWarning, host + ", " + rank_list(narrow),
                               "may run on " + std::to_string(narrow.front()->cores.size()) + " of the host's " +
                                   std::to_string(cores) + " cores, an equal share is " + std::to_string(share),
                               "Open MPI: --bind-to none, or --map-by slot:PE=" + std::to_string(share) +
                                   ". MPICH: -bind-to none. Slurm: --cpus-per-task=" + std::to_string(share) + "."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
