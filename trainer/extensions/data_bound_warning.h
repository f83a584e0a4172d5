#pragma once

#include <functional>
#include <string>

#include "trainer/extension.h"

namespace rensa {

/// Options of DataBoundWarning.
struct DataBoundOptions {
  double threshold = 0.1;  ///< share of the steps' time spent waiting for batches from which it speaks
  int first_steps = 3;     ///< not counted: the loader has not read ahead yet
  /// What to raise, for the end of the message; asked when there is something to say.
  std::function<std::string()> advice = nullptr;
};

/// Says, once in a run, that training waits for its data: the share of the steps' time in which the rank that waits
/// most waited for its loader, and what to raise. An extension of all ranks; rank 0 speaks.
class DataBoundWarning final : public Extension {
 public:
  DataBoundWarning(DataBoundOptions options, std::function<void(const std::string&)> report)
      : options_(std::move(options)), report_(std::move(report)) {}
  std::string name() const override { return "DataBoundWarning"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  void observe(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;

 private:
  const DataBoundOptions options_;
  const std::function<void(const std::string&)> report_;
  int steps_ = 0;  ///< counted since the trigger fired last
  int skipped_ = 0;
  double waited_s_ = 0, total_s_ = 0;  ///< in those steps
  bool has_spoken_ = false;
};

}  // namespace rensa
