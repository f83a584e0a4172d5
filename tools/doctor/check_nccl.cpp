#include <algorithm>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

void check_host(const std::string& host, const std::vector<const RankFacts*>& ranks, CheckResult& result) {
  const RankFacts& first = *ranks.front();
  if (first.gpus == 0) return;
  const std::string gpus = std::to_string(first.gpus) + " GPUs";
  if (!first.cuda_problem.empty()) {
    result.findings.push_back({Severity::kWarning, host, gpus + ", but none that CUDA gives: " + first.cuda_problem,
                               "Train with --device cpu, or see nvidia-smi, CUDA_VISIBLE_DEVICES and docs/nccl.md."});
    return;
  }
  if (first.nccl.empty()) {
    result.findings.push_back(
        {Severity::kWarning, host, gpus + ", but no NCCL: " + first.nccl_problem,
         "Install NCCL and build Rensa with nvcc found; until then use --communicator flat, which goes by "
         "way of the host."});
    return;
  }
  const int devices = first.cuda_devices, count = static_cast<int>(ranks.size());
  if (devices > 0 && count > devices) {
    result.findings.push_back(
        {Severity::kWarning, host,
         std::to_string(count) + " ranks for " + std::to_string(devices) + " GPUs: NCCL wants one for each rank",
         "Start as many ranks on a host as it has GPUs, or use --communicator flat."});
  }
}

}  // namespace

CheckResult check_nccl(const Facts& facts, const CheckOptions& /*options*/) {
  const RankFacts& first = facts.front();
  CheckResult result{"NCCL", first.nccl.empty() ? "none (" + first.nccl_problem + ")" : first.nccl};
  result.summary += first.gpus == 0 ? ", no GPU here" : ", " + std::to_string(first.cuda_devices) + " GPUs for rank 0";
  for (const auto& [host, ranks] : by_host(facts)) check_host(host, ranks, result);
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
