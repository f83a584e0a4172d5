#include "trainer/extensions/dump_graph.h"

#include "core/serializers/file_replacement.h"
#include "trainer/trainer.h"

namespace rensa {

void DumpGraph::initialize(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  auto* const updater = dynamic_cast<StandardUpdater*>(&trainer.updater());
  if (updater == nullptr) return;
  updater->on_next_loss([path = trainer.out() + "/" + filename_, options = options_](const Variable& loss) {
    replace_file(path, graph_as_dot({loss}, options));
  });
}

}  // namespace rensa
