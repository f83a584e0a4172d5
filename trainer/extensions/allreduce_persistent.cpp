#include "trainer/extensions/allreduce_persistent.h"

#include "trainer/extensions/evaluator.h"
#include "trainer/trainer.h"

namespace rensa {

void AllreducePersistent::operator()(Trainer& trainer) {
  average_persistents(trainer.updater().model(), trainer.comm());
}

}  // namespace rensa
