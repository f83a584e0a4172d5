#include <cstdio>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

/// "Linux 5.10.0-8": whether the kernel copies pinned pages when a process forks, as it has done since 5.12.
bool copies_pinned_pages(const RankFacts& rank) {
  const auto kernel = rank.versions.find("kernel");
  int major = 0, minor = 0;
  if (kernel == rank.versions.end() || std::sscanf(kernel->second.c_str(), "Linux %d.%d", &major, &minor) != 2)
    return true;
  return major > 5 || (major == 5 && minor >= 12);
}

}  // namespace

/// Rensa starts threads, never processes; a data set or an extension of the user may call system() or fork(). Pages
/// that InfiniBand has pinned then change under its feet, unless the kernel or libibverbs copies them.
CheckResult check_fork_hazards(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"fork hazards",
                     facts.front().infiniband ? "the kernel or libibverbs keeps pinned pages" : "no InfiniBand"};
  for (const auto& [host, ranks] : by_host(facts)) {
    const RankFacts& rank = *ranks.front();
    const bool safe = rank.settings.contains("RDMAV_FORK_SAFE") || rank.settings.contains("IBV_FORK_SAFE");
    if (!rank.infiniband || safe || copies_pinned_pages(rank)) continue;
    result.findings.push_back(
        {Severity::kWarning, host,
         "InfiniBand under " + rank.versions.at("kernel") + ": a fork() or system() in a data set may corrupt messages",
         "Set RDMAV_FORK_SAFE=1 and IBV_FORK_SAFE=1 (mpirun -x), or use Linux 5.12 or newer."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
