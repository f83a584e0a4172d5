#include "trainer/extensions/fail_on_non_number.h"

#include "core/array/logic.h"
#include "core/error.h"
#include "trainer/trainer.h"

namespace rensa {

void FailOnNonNumber::operator()(Trainer& trainer) {
  for (const Link::NamedParameter& named : trainer.updater().model().named_parameters()) {
    if (!named.parameter->is_initialized() || all(isfinite(named.parameter->array().to(Device{})))) continue;
    throw ValueError("training has diverged: the weight ", named.path, " is not finite after iteration ",
                     trainer.updater().iteration(), ". Try a smaller learning rate, a warm-up, or clip_norm.");
  }
}

}  // namespace rensa
