#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

CheckResult check_gpus(const Facts& facts, const CheckOptions& /*options*/) {
  const RankFacts& first = facts.front();
  CheckResult result{"GPUs", first.gpus == 0 ? "none on this host" : first.gpu_description};
  for (const auto& [host, ranks] : by_host(facts)) {
    const RankFacts& rank = *ranks.front();
    if (rank.gpus == 0) continue;
    const auto wanted = static_cast<int>(ranks.size());
    const std::string has = std::to_string(rank.gpus) + " GPUs, of which Rensa can use " + std::to_string(rank.usable_gpus);
    if (rank.usable_gpus == 0) {
      result.findings.push_back({Severity::kWarning, host, has + ": " + rank.gpu_description,
                                 "Without them --device cpu works. See nvidia-smi, CUDA_VISIBLE_DEVICES and docs/cuda.md."});
    } else if (rank.usable_gpus < wanted) {
      result.findings.push_back({Severity::kWarning, host, has + ", for " + std::to_string(wanted) + " ranks",
                                 "Start as many ranks on a host as it has GPUs: --device cuda gives each rank its own."});
    }
  }
  return result;
}

}  // namespace rensa::tools::doctor
