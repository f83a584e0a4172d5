#pragma once

#include <memory>
#include <vector>

#include "trainer/trigger.h"

namespace rensa {

// Triggers that fire at moments of their own instead of every so often.

/// Fires once for each of `points`, in epochs or iterations: Chainer's ManualScheduleTrigger. Several points passed by
/// one step fire once. As a run's stop trigger it ends the run at the first point; one that is resumed there, or
/// behind it, makes no further step. Throws ValueError if there is none or one is not above 0.
Trigger manual_schedule(const std::vector<double>& points, Unit unit);

/// Fires after the first step of a run and never again; `call_on_resume`: after the first step of a resumed run, too.
/// Chainer's OnceTrigger.
Trigger once(bool call_on_resume = false);

/// Fires when `seconds` of training (elapsed_time, resumed runs included) have passed since it last fired: Chainer's
/// TimeTrigger. Clocks differ, so rank 0 decides; it is asked every `every_iterations` steps, for that costs a round
/// among the ranks. As a run's stop trigger it ends the run after so many seconds; one that is resumed trains as long
/// again. Throws ValueError unless both are above 0.
Trigger every_seconds(double seconds, int every_iterations = 1);

}  // namespace rensa
