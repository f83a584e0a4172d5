#pragma once

#include <functional>
#include <vector>

namespace rensa::testing {

/// GPUs on a machine without one, for as long as it lives: functions, links and training run on them as on real ones.
///
/// - The host cannot touch their memory. What reads or writes it outside of a kernel ends the process, with a line that
///   names the test.
/// - Kernels are the CPU's, in the slots that the plug-in fills, and in no others. A kernel whose arrays are not all on
///   one device throws.
/// - Streams do at once what they are given: a missing order between streams does not show. It does with
///   tests/support/simulated_driver.h.
///
/// Arrays on them must be gone before it.
class EmulatedGpus {
 public:
  explicit EmulatedGpus(int devices = 1);
  ~EmulatedGpus();
  EmulatedGpus(const EmulatedGpus&) = delete;
  EmulatedGpus& operator=(const EmulatedGpus&) = delete;

 private:
  std::vector<std::function<void()>> give_kernels_back_;
};

}  // namespace rensa::testing
