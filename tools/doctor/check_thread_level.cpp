#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

CheckResult check_thread_level(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"thread level", facts.front().thread_level.empty() ? "no MPI" : facts.front().thread_level};
  for (const auto& [host, ranks] : by_host(facts)) {
    std::vector<const RankFacts*> limited;
    for (const RankFacts* rank : ranks) {
      if (!rank->has_all_threads) limited.push_back(rank);
    }
    if (limited.empty()) continue;
    result.findings.push_back({Severity::kError, host + ", " + rank_list(limited),
                               "MPI gives " + limited.front()->thread_level +
                                   ", expected MPI_THREAD_MULTIPLE: gradients travel on a thread of their own",
                               "Use an MPI built with threads (ompi_info | grep -i thread; mpichversion), remove "
                               "libraries that wrap MPI (LD_PRELOAD); "
                               "a program that starts MPI itself calls MPI_Init_thread with MPI_THREAD_MULTIPLE."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
