#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/clock_alignment.h"
#include "trainer/extension.h"
#include "trainer/step_times.h"

namespace rensa {

/// Options of Trace.
struct TraceOptions {
  std::string path;              ///< of the file that rank 0 writes
  std::int64_t first_step = 10;  ///< number of the first step that is drawn, from 1; the first ones allocate and differ
  std::int64_t steps = 20;
  /// Added to this rank's times before they are aligned: a skewed clock, for tests.
  std::int64_t planted_skew_ns = 0;
};

/// One trace of some steps of all ranks in the Trace Event Format (a JSON file that ui.perfetto.dev and
/// chrome://tracing open): a process a rank with the tracks "training" (input, forward, backward, reduce, update and,
/// inside it, wait) and "wire" (each bucket with its bytes), and a mark where a bucket became ready.
///
/// Ranks' clocks are aligned to rank 0's before the first and after the last step drawn, with the drift between them;
/// otherData tells each rank's offset and error. The file is written after the last of the steps, or at the end of a
/// run that ends before; a run resumed behind them leaves the file alone. Costs a clock's reading a phase, and nothing
/// outside these steps. Must be there on all ranks.
class Trace final : public Extension {
 public:
  Trace(TraceOptions options, BucketSource buckets) : options_(std::move(options)), buckets_(std::move(buckets)) {}
  std::string name() const override { return "Trace"; }
  int default_priority() const override { return kWriter + 1; }
  void initialize(Trainer& trainer) override;
  void observe(Trainer& trainer) override;
  void operator()(Trainer&) override {}
  void end_of_run(Trainer& trainer) override { write(trainer); }

 private:
  struct Event {
    std::string name;
    std::int64_t begin_ns, end_ns;  ///< equal: a mark
    int track;
    std::int64_t step, bytes;
  };
  void record_step(Trainer& trainer);
  void write(Trainer& trainer);
  std::int64_t own_ns(Span::Clock::time_point time) const;
  std::string events_as_json(int rank, const AlignedClock& clock) const;

  const TraceOptions options_;
  const BucketSource buckets_;
  ClockOffset first_;
  bool aligned_ = false, written_ = false;
  std::vector<Event> events_;
};

}  // namespace rensa
