#include "trainer/extensions/new_entries.h"

#include "trainer/trainer.h"

namespace rensa {

const std::vector<LogReport::Entry>& NewEntries::log(Trainer& trainer) const {
  return dynamic_cast<LogReport&>(trainer.extension(log_report_)).log();
}

}  // namespace rensa
