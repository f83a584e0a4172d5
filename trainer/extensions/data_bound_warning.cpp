#include "trainer/extensions/data_bound_warning.h"

#include <chrono>
#include <cmath>
#include <sstream>

#include "trainer/span.h"
#include "trainer/trainer.h"

namespace rensa {

void DataBoundWarning::observe(Trainer& trainer) {
  if (skipped_ < options_.first_steps) {
    ++skipped_;
    return;
  }
  for (const Span& span : trainer.updater().last_spans()) {
    const double seconds = std::chrono::duration<double>(span.end - span.begin).count();
    total_s_ += seconds;
    if (span.phase == Span::Phase::kInput) waited_s_ += seconds;
  }
  ++steps_;
}

void DataBoundWarning::operator()(Trainer& trainer) {
  const double share = total_s_ > 0 ? waited_s_ / total_s_ : 0;
  const double per_step_ms = steps_ > 0 ? waited_s_ / steps_ * 1e3 : 0;
  const Array worst = array<double>({share, per_step_ms});
  trainer.comm().all_reduce(worst, Reduce::kMax);
  steps_ = 0;
  waited_s_ = total_s_ = 0;
  const double worst_share = worst.data<double>()[0], worst_ms = worst.data<double>()[1];
  if (worst_share < options_.threshold || has_spoken_) return;
  has_spoken_ = true;
  if (trainer.comm().rank() != 0) return;
  std::ostringstream text;
  text.precision(2);
  text << "data-bound: a rank waits " << worst_ms << " ms of each step for its batch, "
       << std::lround(worst_share * 100) << " % of the time.";
  if (options_.advice) text << ' ' << options_.advice();
  report_(text.str());
}

}  // namespace rensa
