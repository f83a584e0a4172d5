#pragma once

#include <memory>
#include <vector>

#include "trainer/trigger.h"

namespace rensa {

// Triggers that fire at moments of their own instead of every so often.

/// Fires once for each of `points`, in epochs or iterations: Chainer's ManualScheduleTrigger. Several points passed by
/// one step fire once. Throws ValueError if there is none or one is not above 0.
Trigger manual_schedule(const std::vector<double>& points, Unit unit);

/// Fires after the first step of a run and never again; `call_on_resume`: after the first step of a resumed run, too.
/// Chainer's OnceTrigger.
Trigger once(bool call_on_resume = false);

/// Fires when `seconds` of training (elapsed_time, resumed runs included) have passed since it last fired: Chainer's
/// TimeTrigger. Clocks differ, so rank 0 decides; it is asked every `every_iterations` steps, for that costs a round
/// among the ranks. Throws ValueError unless both are above 0.
Trigger every_seconds(double seconds, int every_iterations = 1);

}  // namespace rensa
