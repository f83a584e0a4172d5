#include <cmath>
#include <iomanip>
#include <sstream>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

/// Times in logs and of files are compared between hosts; beyond minutes, logins and Slurm's messages fail as well.
CheckResult check_clock_skew(const Facts& facts, const CheckOptions& options) {
  const auto seconds = [](double s) {
    std::ostringstream text;
    text << std::setprecision(3) << s << " s";
    return text.str();
  };
  CheckResult result{"clock skew", ""};
  double largest = 0;
  for (const auto& [host, ranks] : by_host(facts)) {
    const RankFacts* most = ranks.front();
    for (const RankFacts* rank : ranks) {
      if (std::abs(rank->clock_ahead_s) > std::abs(most->clock_ahead_s)) most = rank;
    }
    const double skew = std::abs(most->clock_ahead_s);
    largest = std::max(largest, skew);
    if (skew - most->clock_uncertainty_s <= options.max_clock_skew_s) continue;
    result.findings.push_back(
        {Severity::kWarning, host + ", rank " + std::to_string(most->rank),
         "its clock is " + seconds(skew) + (most->clock_ahead_s > 0 ? " ahead of" : " behind") + " rank 0's on " +
             facts.front().host + ", expected at most " + seconds(options.max_clock_skew_s),
         "Keep the hosts' clocks together with chrony or systemd-timesyncd; chronyc tracking shows the offset."});
  }
  result.summary = "at most " + seconds(largest);
  return result;
}

}  // namespace rensa::tools::doctor
