#include "trainer/triggers/monitored_mean.h"

#include "core/serializers/serializer.h"
#include "trainer/rank_0_sums.h"
#include "trainer/trainer.h"

namespace rensa {

void MonitoredMean::observe(const Trainer& trainer) {
  const auto found = trainer.observation().find(key_);
  if (found != trainer.observation().end()) sum_.add(found->second);
}

std::optional<double> MonitoredMean::take(Trainer& trainer) {
  const Array sums = array(std::vector<double>{sum_.total(), sum_.weight()}, {2});
  trainer.comm().all_reduce(sums);
  sum_ = ObservedSum();
  const double total = sums.data<double>()[0], weight = sums.data<double>()[1];
  return weight > 0 ? std::optional(total / weight) : std::nullopt;
}

void MonitoredMean::serialize(Serializer& serializer, Trainer& trainer) {
  if (serializer.is_loading() && !serializer.has("total")) return;
  double sums[] = {sum_.total(), sum_.weight()};
  if (!serializer.is_loading()) move_sums_to_rank_0(trainer.comm(), sums);
  serializer("total", sums[0]);
  serializer("weight", sums[1]);
  // the file has the sums of all ranks
  sum_ = trainer.comm().rank() == 0 ? ObservedSum(sums[0], sums[1]) : ObservedSum();
}

}  // namespace rensa
