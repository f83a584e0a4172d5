#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

CheckResult check_cuda_awareness(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"CUDA-awareness", "MPI takes GPU arrays: " + facts.front().cuda_aware};
  for (const auto& [host, ranks] : by_host(facts)) {
    if (ranks.front()->gpus == 0 || ranks.front()->cuda_aware != "no") continue;
    result.findings.push_back(
        {Severity::kWarning, host,
         std::to_string(ranks.front()->gpus) + " GPUs, but the MPI library is not CUDA-aware: what MPI carries " +
             "goes through host memory",
         "Use --communicator pure_nccl, which does not need it, or an MPI built for CUDA (Open MPI: "
         "--with-cuda; ompi_info --parsable | grep cuda_support)."});
  }
  if (facts.front().gpus == 0) result.summary += " (no GPU here)";
  return result;
}

}  // namespace rensa::tools::doctor
