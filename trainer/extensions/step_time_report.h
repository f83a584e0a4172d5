#pragma once

#include "trainer/extension.h"
#include "trainer/step_times.h"

namespace rensa {

/// Adds to what each step is seen to do, for the log: input/time_ms, compute/time_ms and wait/time_ms (see StepTimes,
/// means over steps and ranks), comm/bytes (that a rank gave to the communicator in a step) and comm/overlap (the part
/// of the buckets' time on the wire that passed behind the rank's own work).
class StepTimeReport final : public Extension {
 public:
  explicit StepTimeReport(BucketSource buckets, InsideWaitMeter::Source waits = nullptr)
      : buckets_(std::move(buckets)), waits_(std::move(waits)) {}
  std::string name() const override { return "StepTimeReport"; }
  int default_priority() const override { return kWriter; }
  void observe(Trainer& trainer) override;
  void operator()(Trainer&) override {}

 private:
  const BucketSource buckets_;
  InsideWaitMeter waits_;
};

}  // namespace rensa
