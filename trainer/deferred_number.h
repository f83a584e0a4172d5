#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/array/array.h"
#include "trainer/observation.h"

namespace rensa {

/// Numbers on a GPU for which the host does not wait before somebody asks. What steps leave behind (the loss, the
/// accuracy) is copied together on the device; asking for one number brings those beside it along.
///
///   observation["main/loss"] = deferred.observe(loss.array(), batch.size());
///
/// One thread's. The numbers may outlive this object.
class DeferredNumbers {
 public:
  /// A scalar as an observation: at once if it lies on the host, by and by if it lies on a GPU.
  Observed observe(const Array& scalar, double weight);

 private:
  static constexpr std::int64_t kTogether = 256;

  struct Pack final : DeferredNumber::Source {
    Array values;           ///< (kTogether)
    std::int64_t used = 0;  ///< how many there are so far
    std::vector<double> read;
    double value(std::int64_t index) override;
  };
  std::vector<std::shared_ptr<Pack>> open_;  ///< the one being filled, for each device and dtype
};

}  // namespace rensa
