#include "trainer/observation.h"

namespace rensa {

void join_means(Observation& all, const Observation& part) {
  for (const auto& [name, seen] : part) {
    Observed& mean = all.try_emplace(name, Observed{.value = 0, .weight = 0}).first->second;
    mean.weight += seen.weight;
    if (mean.weight > 0) mean.value += (seen.value - mean.value) * (seen.weight / mean.weight);
  }
}

}  // namespace rensa
