#include "trainer/deferred_number.h"

#include <algorithm>

namespace rensa {

double DeferredNumbers::Pack::value(std::int64_t index) {
  if (index >= static_cast<std::int64_t>(read.size())) read = to_vector<double>(values.slice(0, {.stop = used}));
  return read[static_cast<std::size_t>(index)];
}

Observed DeferredNumbers::observe(const Array& scalar, double weight) {
  if (scalar.device().kind == DeviceKind::kCpu) return {scalar.item<double>(), weight};
  const auto fits = [&](const std::shared_ptr<Pack>& pack) {
    return pack->values.device() == scalar.device() && pack->values.dtype() == scalar.dtype();
  };
  auto found = std::find_if(open_.begin(), open_.end(), fits);
  if (found == open_.end()) found = open_.insert(found, nullptr);
  std::shared_ptr<Pack>& pack = *found;
  if (!pack || pack->used == kTogether) {
    pack = std::make_shared<Pack>();
    pack->values = empty({kTogether}, scalar.dtype(), scalar.device());
  }
  const std::int64_t index = pack->used++;
  pack->values.slice(0, {.start = index, .stop = index + 1}).copy_from(scalar.reshape({1}));
  return {DeferredNumber(pack, index), weight};
}

}  // namespace rensa
