#include "trainer/triggers/monitored_mean.h"

#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {

void MonitoredMean::observe(const Trainer& trainer) {
  const auto found = trainer.observation().find(key_);
  if (found != trainer.observation().end()) sum_.add(found->second);
}

void MonitoredMean::sum_over_ranks(Trainer& trainer) {
  if (trainer.comm().size() == 1) return;
  const Array sums = array(std::vector<double>{sum_.total(), sum_.weight()}, {2});
  trainer.comm().all_reduce(sums);
  sum_ = ObservedSum(sums.data<double>()[0], sums.data<double>()[1]);
}

std::optional<double> MonitoredMean::take(Trainer& trainer) {
  sum_over_ranks(trainer);
  const std::optional<double> mean = sum_.weight() > 0 ? std::optional(sum_.total() / sum_.weight()) : std::nullopt;
  sum_ = ObservedSum();
  return mean;
}

void MonitoredMean::serialize(Serializer& serializer, Trainer& trainer) {
  if (serializer.is_loading() && !serializer.has("total")) return;
  double total = 0, weight = 0;
  if (!serializer.is_loading()) {
    const ObservedSum mine = sum_;
    sum_over_ranks(trainer);
    total = sum_.total();
    weight = sum_.weight();
    sum_ = mine;
  }
  serializer("total", total);
  serializer("weight", weight);
  if (!serializer.is_loading()) return;
  const bool first = trainer.comm().rank() == 0;  // the file has the sums of all ranks: rank 0 goes on with them
  sum_ = first ? ObservedSum(total, weight) : ObservedSum();
}

}  // namespace rensa
