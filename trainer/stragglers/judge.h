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

enum class Cause {
  kNone,
  kCompute,  ///< a rank's own work takes longer than the others'
  kInput,    ///< a rank waits for its loader
  kBetween,  ///< a rank does something beside its steps, such as writing files
  kNetwork,  ///< all ranks wait for gradients after the last one was ready
};

struct Verdict {
  Cause cause = Cause::kNone;
  int rank = -1;               ///< the culprit; -1: none, or all links alike
  double excess = 0;           ///< seconds that it costs in a step
  double step = 0;             ///< seconds of a step, mean over steps and ranks
  std::vector<Step> means;     ///< of each rank
  double exposed_network = 0;  ///< seconds of a step that even the last rank to be ready waited for gradients
};

/// What holds the steps up most, by what each rank did by itself; `steps[rank]` are the same steps on all ranks. A rank
/// is compared with the median of the others. What costs less than `threshold` of a step is not named. kNetwork has no
/// rank yet.
Verdict judge(const std::vector<std::vector<Step>>& steps, double threshold = 0.1);

/// The host whose links are all slow: even its quickest one takes more than 1.5 times what the quickest of all takes.
/// -1: there is none, or only one link. `hosts[rank]` is the number of the rank's host; links inside a host do not
/// count.
int slow_host(const std::vector<LinkTime>& links, const std::vector<int>& hosts);

}  // namespace rensa::stragglers
