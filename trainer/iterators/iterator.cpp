#include "trainer/iterators/iterator.h"

namespace rensa {

double Iterator::epoch_detail() const {
  const double size = static_cast<double>(epoch_size());
  return static_cast<double>(epoch()) + (size > 0 ? static_cast<double>(current_position()) / size : 0.0);
}

std::optional<double> Iterator::previous_epoch_detail() const {
  const double detail = state().previous_epoch_detail;
  return detail < 0 ? std::nullopt : std::optional(detail);
}

}  // namespace rensa
