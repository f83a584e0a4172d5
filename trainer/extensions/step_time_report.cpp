#include "trainer/extensions/step_time_report.h"

#include "trainer/trainer.h"

namespace rensa {

void StepTimeReport::observe(Trainer& trainer) {
  const StepBuckets buckets = buckets_ ? buckets_() : StepBuckets();
  const StepTimes times =
      step_times(trainer.updater().last_spans(), buckets, waits_.take(), trainer.optimizer().gathered_bytes());
  Observation& seen = trainer.observation();
  seen["input/time_ms"] = {times.input * 1e3};
  seen["compute/time_ms"] = {times.compute * 1e3};
  seen["wait/time_ms"] = {times.wait * 1e3};
  if (buckets.empty()) return;
  seen["comm/bytes"] = {times.bytes};
  seen["comm/overlap"] = {times.overlap(),
                          times.wire};  // weighted: the mean is what was hidden of all time on the wire
}

}  // namespace rensa
