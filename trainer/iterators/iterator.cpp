#include "trainer/iterators/iterator.h"

#include <span>

namespace rensa {

double Iterator::epoch_detail() const {
  const double size = static_cast<double>(epoch_size());
  return static_cast<double>(epoch()) + (size > 0 ? static_cast<double>(current_position()) / size : 0.0);
}

std::optional<double> Iterator::previous_epoch_detail() const {
  const double detail = state().previous_epoch_detail;
  return detail < 0 ? std::nullopt : std::optional(detail);
}

void Iterator::serialize(Serializer& serializer) {
  IteratorState state = this->state();
  serializer("current_position", state.current_position);
  serializer("epoch", state.epoch);
  serializer("is_new_epoch", state.is_new_epoch);
  serializer("previous_epoch_detail", state.previous_epoch_detail);
  if (!serializer.is_loading()) {
    if (!state.order) return;
    Array order = array(std::span<const std::int64_t>(*state.order), {static_cast<std::int64_t>(state.order->size())});
    serializer("order", order);
    return;
  }
  state.order.reset();
  for (const char* key : {"order", "_order"}) {
    if (state.order || !serializer.has(key)) continue;
    Array order;
    serializer(key, order);
    state.order = std::make_shared<const std::vector<std::int64_t>>(to_vector<std::int64_t>(order));
  }
  restore(state);
}

}  // namespace rensa
