#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

constexpr std::int64_t kMib = 1 << 20;
constexpr std::int64_t kOwnMib = 16;  ///< of a rank's MPI: queues and segments

}  // namespace

/// Ranks of one host sum their gradients directly in shared memory. Containers give 64 MiB unless told otherwise; a
/// rank that touches a page that is not there dies of SIGBUS.
CheckResult check_shared_memory(const Facts& facts, const CheckOptions& options) {
  CheckResult result{"shared memory", ""};
  for (const auto& [host, ranks] : by_host(facts)) {
    const auto count = static_cast<std::int64_t>(ranks.size());
    const std::int64_t need = count * (kOwnMib + (count > 1 ? options.gradients_mib : 0)) * kMib;
    const std::int64_t free = ranks.front()->shm_free_bytes;
    result.summary += (result.summary.empty() ? "" : "; ") + host + ": " + mebibytes(free) + " free";
    if (free >= 2 * need) continue;
    const std::string amount = std::to_string((4 * need / kMib + 1023) / 1024) + "g";
    result.findings.push_back(
        {free < need ? Severity::kError : Severity::kWarning, host,
         (ranks.front()->shm_total_bytes == 0
              ? std::string("there is no /dev/shm")
              : "/dev/shm has " + mebibytes(free) + " free of " + mebibytes(ranks.front()->shm_total_bytes)) +
             ", " + std::to_string(count) + " ranks need about " + mebibytes(need) + " (gradients of " +
             std::to_string(options.gradients_mib) + " MiB each: --gradients_mib)",
         "mount -o remount,size=" + amount + " /dev/shm; for a container --shm-size=" + amount +
             "; remove what ended jobs left there."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
