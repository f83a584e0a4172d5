#include "trainer/iterators/serial_iterator.h"

namespace rensa {

std::optional<Batch> SerialIterator::next() {
  const std::optional<PlannedBatch> planned = plan_.next();
  if (!planned) return std::nullopt;
  given_ = planned->after;
  Batch batch = allocate(*planned);
  for (std::int64_t i = 0; i < batch.size(); ++i) load(*planned, batch, i);
  return batch;
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
