#pragma once

#include <cstdint>
#include <functional>
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
/// inside them, wait) and "wire" (each bucket and each gather of weights with its bytes), and a mark where a bucket
/// became ready. A bucket has the number of the step whose backward gave it, however much later it arrived.
///
/// Ranks' clocks are aligned to rank 0's before the first and after the last step drawn, with the drift between them;
/// otherData tells each rank's offset and error. The file is written one step after the last of them, when all its
/// buckets are known, or at the end of a run that ends before; a run resumed behind them, or with no step left, leaves
/// the file alone. `warn` is told, on rank 0, when a run ended before the first of them. Costs a clock's reading a
/// phase, and nothing outside these steps. Must be there on all ranks.
class Trace final : public Extension {
 public:
  using Warn = std::function<void(const std::string& line)>;  ///< takes a line, without its end

  Trace(TraceOptions options, BucketSource buckets, WaitSource waits, Warn warn = nullptr)
      : options_(std::move(options)), buckets_(std::move(buckets)), waits_(std::move(waits)), warn_(std::move(warn)) {}
  std::string name() const override { return "Trace"; }
  int default_priority() const override { return kWriter + 1; }
  void initialize(Trainer& trainer) override;
  void observe(Trainer& trainer) override;
  void operator()(Trainer&) override {}
  void end_of_run(Trainer& trainer) override;

 private:
  struct Event {
    std::string name;
    std::int64_t begin_ns, end_ns;  ///< equal: a mark
    int track;
    std::int64_t step, bytes;
  };
  void record_step(Trainer& trainer);
  void record_buckets();
  void record_waits(std::int64_t step, Span::Clock::time_point begin, Span::Clock::time_point end);
  void write(Trainer& trainer);
  std::int64_t own_ns(Span::Clock::time_point time) const;
  std::string events_as_json(int rank, const AlignedClock& clock) const;

  const TraceOptions options_;
  const BucketSource buckets_;
  const WaitSource waits_;
  const Warn warn_;
  ClockOffset first_;
  bool aligned_ = false, written_ = false;
  std::vector<Event> events_;
  std::vector<Span::Clock::time_point> begins_;  ///< of the steps, from the first one drawn to one behind the last
  std::int64_t first_drawn_ = 0;                 ///< the number of the first one
  std::size_t buckets_drawn_ = 0;                ///< of so many of these steps
};

}  // namespace rensa
