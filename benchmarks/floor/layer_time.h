#pragma once
#include <functional>
#include <limits>
#include <string>

namespace rensa::floor {

/// The best way found for one computation, and its time. The least of several noisy times is too low: whatever is the
/// best so far is timed once more, and that time is reported.
struct Best {
  double ms = 0;
  std::string how = "none";
  double least_ms = std::numeric_limits<double>::infinity();  // what it was chosen by

  void offer(const std::function<double()>& time_ms, const char* name) {
    const double first = time_ms();
    if (first < least_ms) *this = {.ms = time_ms(), .how = name, .least_ms = first};
  }
  void offer(const Best& other, const char* name) {
    if (other.least_ms < least_ms) *this = {.ms = other.ms, .how = name, .least_ms = other.least_ms};
  }
};

/// Forward, gradient of x (0 ms for the first layer) and gradient of W of one layer.
struct LayerTime {
  Best forward, backward_data, backward_weights;
  double ms() const { return forward.ms + backward_data.ms + backward_weights.ms; }
};

}  // namespace rensa::floor
