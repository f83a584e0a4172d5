#include "trainer/step_times.h"

#include <algorithm>
#include <utility>

namespace rensa {
namespace {

using Time = Span::Clock::time_point;

double seconds(Time begin, Time end) { return std::max(0.0, std::chrono::duration<double>(end - begin).count()); }

}  // namespace

InsideWaits InsideWaitMeter::take() {
  const InsideWaits now = so_far_ ? so_far_() : InsideWaits();
  const InsideWaits before = std::exchange(before_, now);
  return {.statistics = now.statistics - before.statistics,
          .gradients = now.gradients - before.gradients,
          .weights = now.weights - before.weights};
}

StepTimes step_times(const std::vector<Span>& spans, const StepBuckets& buckets, const InsideWaits& waited,
                     std::size_t gathered_bytes) {
  StepTimes times;
  times.bytes = static_cast<double>(gathered_bytes);
  Time computed{};  // when forward and backward were done
  Time arrived{};   // when the last bucket was
  for (const Span& span : spans) {
    if (span.phase == Span::Phase::kForward || span.phase == Span::Phase::kBackward)
      computed = std::max(computed, span.end);
  }
  for (const auto& bucket : buckets) {
    times.bytes += static_cast<double>(bucket.sent_bytes);
    times.wire += seconds(bucket.started, bucket.finished);
    times.hidden += seconds(bucket.started, std::min(bucket.finished, computed));
    arrived = std::max(arrived, bucket.finished);
  }
  for (const Span& span : spans) {
    const double whole = seconds(span.begin, span.end);
    switch (span.phase) {
      case Span::Phase::kInput:
        times.input += whole;
        break;
      case Span::Phase::kForward:
      case Span::Phase::kBackward:
        times.compute += whole;
        break;
      case Span::Phase::kReduce:
        times.wait += whole;
        break;
      case Span::Phase::kUpdate: {
        const double for_buckets = std::min(whole, seconds(span.begin, arrived));
        times.wait += for_buckets;
        times.compute += whole - for_buckets;
        break;
      }
    }
  }
  times.hidden = std::max(0.0, times.hidden - waited.gradients);  // on their way, but not behind work
  const double inside = std::min(waited.statistics + waited.gradients + waited.weights, times.compute);
  times.compute -= inside;
  times.wait += inside;
  return times;
}

}  // namespace rensa
