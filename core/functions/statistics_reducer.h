#pragma once

#include <cstdint>

#include "core/array/array.h"

namespace rensa {

/// Makes one batch of the parts that several processes hold, for batch normalization: core knows one process only, comm
/// implements this (comm/links/communicator_statistics.h). Every call is made on all of the processes together.
class StatisticsReducer {
 public:
  virtual ~StatisticsReducer() = default;

  /// Replaces mean and biased variance (C, float64, contiguous) of this process's `count` values a channel, which may
  /// be 0, by those of all processes' values together. Returns how many values a channel those are.
  virtual std::int64_t merge(const Array& mean, const Array& var, std::int64_t count) = 0;
  /// Replaces each element of a contiguous floating array by its sum over the processes.
  virtual void sum(const Array& values) = 0;
};

}  // namespace rensa
