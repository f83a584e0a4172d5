#pragma once

#include <map>
#include <string>

namespace rensa {

/// One value that was seen, and how much it counts in a mean: the samples it stands for.
struct Observed {
  double value = 0;
  double weight = 1;
};

/// What a step and its extensions saw, by Chainer's names: "main/loss", "validation/main/accuracy", "lr".
using Observation = std::map<std::string, Observed>;

/// Takes what was seen in another part of a step into the means of `all`.
void join_means(Observation& all, const Observation& part);

}  // namespace rensa
