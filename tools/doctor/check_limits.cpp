#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

constexpr std::int64_t kMib = 1 << 20;

struct Demand {
  const char *limit, *what, *remedy;
  std::int64_t at_least;
  bool counts_bytes;
};

}  // namespace

/// Daemons of a launcher often give lower limits than a login does.
CheckResult check_limits(const Facts& facts, const CheckOptions& options) {
  CheckResult result{"limits", ""};
  for (const auto& [limit, value] : facts.front().limits) {
    result.summary +=
        (result.summary.empty() ? "" : ", ") + limit + " " + (value < 0 ? "unlimited" : std::to_string(value));
  }
  for (const auto& [host, ranks] : by_host(facts)) {
    const RankFacts& rank = *ranks.front();
    const auto count = static_cast<std::int64_t>(ranks.size());
    const bool pins = rank.infiniband || rank.gpus > 0;
    const Demand demands[] = {
        {"nofile", "open files: sockets to every rank, shared memory, data",
         "ulimit -n 65536, or nofile in limits.conf", 256 + 8 * rank.mpi_size, false},
        {"memlock", "pinned memory: InfiniBand and GPUs register the gradients",
         "ulimit -l unlimited, or memlock in limits.conf", pins ? options.gradients_mib * kMib : 0, true},
        {"stack", "stack of the main thread", "ulimit -s 8192", 2 * kMib, true},
        {"nproc", "processes and threads of the user: loaders, compute, communication",
         "ulimit -u unlimited, or nproc in limits.conf", 64 * count, false}};
    for (const Demand& demand : demands) {
      const auto found = rank.limits.find(demand.limit);
      if (found == rank.limits.end() || found->second < 0 || found->second >= demand.at_least) continue;
      const auto text = [&](std::int64_t n) { return demand.counts_bytes ? mebibytes(n) : std::to_string(n); };
      result.findings.push_back(
          {Severity::kWarning, host,
           std::string(demand.limit) + " is " + text(found->second) + ", expected at least " + text(demand.at_least) +
               " (" + demand.what + ")",
           std::string(demand.remedy) + "; for ranks under Slurm also LimitNOFILE and the like of slurmd."});
    }
  }
  return result;
}

}  // namespace rensa::tools::doctor
