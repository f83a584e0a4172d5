#include <algorithm>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

void check_host(const std::string& host, const RankFacts& first, CheckResult& result) {
  if (first.gpus == 0 || !first.nccl.empty()) return;
  result.findings.push_back(
      {Severity::kWarning, host, std::to_string(first.gpus) + " GPUs, but no NCCL: " + first.nccl_problem,
       "Install NCCL and build Rensa with nvcc found; until then use --communicator flat, which goes by way of the host."});
}

}  // namespace

CheckResult check_nccl(const Facts& facts, const CheckOptions& /*options*/) {
  const RankFacts& first = facts.front();
  CheckResult result{"NCCL", first.nccl.empty() ? "none (" + first.nccl_problem + ")" : first.nccl};
  for (const auto& [host, ranks] : by_host(facts)) check_host(host, *ranks.front(), result);
  const auto other = std::find_if(facts.begin(), facts.end(), [&](const RankFacts& rank) {
    return rank.gpus > 0 && first.gpus > 0 && !rank.nccl.empty() && !first.nccl.empty() && rank.nccl != first.nccl;
  });
  if (other != facts.end()) {
    result.findings.push_back({Severity::kError, other->host,
                               "NCCL " + other->nccl + ", but " + first.nccl + " on " + first.host,
                               "Install one version of NCCL on all hosts: different ones do not speak to each other."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
