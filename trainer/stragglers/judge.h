#pragma once

#include <string>
#include <vector>

namespace rensa::stragglers {

/// One rank's step, in seconds (see StepTimes), and the time since its last one, in which extensions ran.
struct Step {
  double whole = 0, between = 0, input = 0, compute = 0, wait = 0;
};

/// A way between two ranks and how long a known message took there and back.
struct LinkTime {
  int from = 0, to = 0;
  double seconds = 0, bytes = 0;
};

/// Why steps take longer than they need.
enum class Cause {
  kNone,
  kCompute,  ///< a rank's own work takes longer than the others'
  kInput,    ///< a rank waits for its loader
  kBetween,  ///< a rank does something beside its steps, such as writing files
  kLink,     ///< a host's links are slower than the others', and gradients are waited for
};

/// Who holds the others up, and why.
struct Verdict {
  Cause cause = Cause::kNone;
  int rank = -1;               ///< the culprit, or the first rank of its host; -1: none
  double excess = 0;           ///< seconds that it costs in a step
  double step = 0;             ///< seconds of a step
  std::vector<Step> means;     ///< of each rank
  double exposed_network = 0;  ///< seconds of a step that even the last rank to be ready waited for gradients
};

/// What costs less than this part of a step is not named.
inline constexpr double kThreshold = 0.05;

/// Who holds the others up most; `steps[rank]` are the same steps on all ranks. A rank's own work, input and time
/// between steps are compared with the median of the other ranks'; the network, which all wait for, with its quickest
/// link (`links` as probe_links() gives them, or none; `hosts[rank]` is the number of a rank's host). All ranks waiting
/// for links that are alike is no straggler. Means are taken without the tenth of the steps at either end, so that a
/// pause does not decide.
Verdict judge(const std::vector<std::vector<Step>>& steps, const std::vector<LinkTime>& links = {},
              const std::vector<int>& hosts = {}, double threshold = kThreshold);

/// The host whose links are all slow: even its quickest one takes more than twice what the quickest of all takes.
struct SlowHost {
  int host = -1;     ///< -1: there is none, or only one link
  double times = 1;  ///< how much slower
};
/// `hosts[rank]` is the number of the rank's host; links inside a host do not count.
SlowHost slow_host(const std::vector<LinkTime>& links, const std::vector<int>& hosts);

}  // namespace rensa::stragglers
