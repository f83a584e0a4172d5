#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

CheckResult check_oversubscription(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"oversubscription", "no host has more ranks than cores"};
  for (const auto& [host, ranks] : by_host(facts)) {
    const int cores = usable_cores(ranks), count = static_cast<int>(ranks.size());
    if (count <= cores) continue;
    const double quota = ranks.front()->core_quota;
    result.findings.push_back(
        {Severity::kWarning, host,
         std::to_string(count) + " ranks share " + std::to_string(cores) + " cores" +
             (quota > 0 ? " (the quota of their control group)" : "") +
             ": a rank that waits in MPI takes the time of one that computes",
         "Start at most " + std::to_string(cores) +
             " ranks there. Where it is wanted, let waiting ranks yield: --mca mpi_yield_when_idle 1 (Open "
             "MPI does so by itself if the host file tells the true number of slots)."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
