#include "trainer/iterators/serial_iterator.h"

namespace rensa {

std::optional<Batch> SerialIterator::next() {
  std::optional<PlannedBatch> planned = plan_.next();
  if (!planned) return std::nullopt;
  given_ = planned->after;
  Loading loading = begin(std::move(*planned));
  for (std::int64_t i = 0; i < loading.batch.size(); ++i) load(loading, i);
  finish(loading);
  return std::move(loading.batch);
}

void SerialIterator::reset() {
  plan_.reset();
  given_ = plan_.state();
}

void SerialIterator::restore(const IteratorState& state) {
  plan_.restore(state);
  given_ = plan_.state();
}

}  // namespace rensa
