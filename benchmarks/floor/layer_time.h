#pragma once
#include <string>

namespace rensa::floor {

/// The best time found for one computation, and what gave it.
struct Best {
  double ms = 1e30;
  std::string how;
  void offer(double other_ms, const char* name) {
    if (other_ms < ms) ms = other_ms, how = name;
  }
};

/// Forward, gradient of x (0 ms for the first layer) and gradient of W of one layer.
struct LayerTime {
  Best forward, backward_data{0, "none"}, backward_weights;
  double ms() const { return forward.ms + backward_data.ms + backward_weights.ms; }
};

}  // namespace rensa::floor
