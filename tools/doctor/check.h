#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/doctor/facts.h"

namespace rensa::tools::doctor {

/// Also the command's exit status, the worst one of all findings.
enum class Severity { kFine = 0, kWarning = 1, kError = 2 };

struct Finding {
  Severity severity = Severity::kWarning;
  std::string where;   ///< "node1", "ranks 0, 2"
  std::string found;   ///< what was expected and what was found
  std::string remedy;  ///< what to do
};

struct CheckResult {
  std::string name;
  std::string summary;  ///< what was seen, for when nothing is wrong
  std::vector<Finding> findings = {};

  Severity worst() const;
};

struct CheckOptions {
  std::int64_t gradients_mib = 98;  ///< of the largest network in float32; ResNet-50's 25.6 million
  double max_clock_skew_s = 0.1;
  int threads = 0;  ///< compute threads that training will be asked for; 0: OMP_NUM_THREADS or Rensa's own choice
};

using Facts = std::vector<RankFacts>;  ///< of all ranks, in their order; never empty
using Check = CheckResult(const Facts& facts, const CheckOptions& options);

// Each has a file of its own, tools/doctor/check_<name>.cpp, and looks at nothing but its arguments.
Check check_launcher, check_thread_level, check_cuda_awareness, check_nccl, check_binding, check_oversubscription,
    check_compute_threads, check_interfaces, check_versions, check_shared_memory, check_clock_skew, check_fork_hazards,
    check_limits;

/// All of them, in the order of the report.
std::vector<CheckResult> run_checks(const Facts& facts, const CheckOptions& options);

Severity worst(const std::vector<CheckResult>& results);

/// What a rank that MPI has left without an answer for `waited_s` seconds can say of the interfaces: which of its own
/// MPI may have mistaken for a way to the others. `what` it waited for: "the other ranks to answer".
CheckResult check_unanswered(const RankFacts& mine, double waited_s, const std::string& what);

// What several checks need.

/// The ranks of each host.
std::map<std::string, std::vector<const RankFacts*>> by_host(const Facts& facts);

/// Cores that the ranks of a host may use together: the union of their masks, no more than their quota.
int usable_cores(const std::vector<const RankFacts*>& ranks);

/// "rank 2", "ranks 0, 2, 5".
std::string rank_list(const std::vector<const RankFacts*>& ranks);

/// "64.0 MiB".
std::string mebibytes(std::int64_t bytes);

}  // namespace rensa::tools::doctor
