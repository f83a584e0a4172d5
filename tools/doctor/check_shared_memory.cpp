#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

constexpr std::int64_t kMib = 1 << 20;
constexpr std::int64_t kOwnMib = 16;  ///< of a rank's MPI: queues and segments

/// MPI's queues are files in /dev/shm. Containers give 64 MiB unless told otherwise; a rank that touches a page that is
/// not there dies of SIGBUS.
void check_mount(const std::string& host, const RankFacts& facts, std::int64_t ranks, CheckResult& result) {
  const std::int64_t need = ranks * kOwnMib * kMib, free = facts.shm_free_bytes;
  if (free >= 2 * need) return;
  const std::string amount = std::to_string((4 * need / kMib + 1023) / 1024) + "g";
  result.findings.push_back({free < need ? Severity::kError : Severity::kWarning, host,
                             (facts.shm_total_bytes == 0 ? std::string("there is no /dev/shm")
                                                         : "/dev/shm has " + mebibytes(free) + " free of " +
                                                               mebibytes(facts.shm_total_bytes)) +
                                 ", MPI's queues of " + std::to_string(ranks) + " ranks need about " + mebibytes(need),
                             "mount -o remount,size=" + amount + " /dev/shm; for a container --shm-size=" + amount +
                                 "; remove what ended jobs left there."});
}

/// Ranks of one host sum their gradients in memory that they share and that is in no file system (comm/shm/segment.h):
/// the host's memory alone bounds it.
void check_memory(const std::string& host, const RankFacts& facts, std::int64_t ranks, std::int64_t gradients_mib,
                  CheckResult& result) {
  const std::int64_t need = ranks * gradients_mib * kMib, free = facts.memory_free_bytes;
  if (ranks == 1 || free == 0 || free >= need) return;
  result.findings.push_back({Severity::kError, host,
                             mebibytes(free) + " of memory are free, the gradients of " + std::to_string(ranks) +
                                 " ranks alone need " + mebibytes(need) + " (" + std::to_string(gradients_mib) +
                                 " MiB each: --gradients_mib)",
                             "Start fewer ranks on the host, end what else uses its memory, or raise the limit of the "
                             "container or the job."});
}

}  // namespace

CheckResult check_shared_memory(const Facts& facts, const CheckOptions& options) {
  CheckResult result{"shared memory", ""};
  for (const auto& [host, ranks] : by_host(facts)) {
    const RankFacts& first = *ranks.front();
    const auto count = static_cast<std::int64_t>(ranks.size());
    result.summary += (result.summary.empty() ? "" : "; ") + host + ": " + mebibytes(first.shm_free_bytes) +
                      " of /dev/shm and " + mebibytes(first.memory_free_bytes) + " of memory free";
    check_mount(host, first, count, result);
    check_memory(host, first, count, options.gradients_mib, result);
  }
  return result;
}

}  // namespace rensa::tools::doctor
