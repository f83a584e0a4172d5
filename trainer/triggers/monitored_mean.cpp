#include "trainer/triggers/monitored_mean.h"

#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {

void MonitoredMean::observe(const Trainer& trainer) {
  const auto found = trainer.observation().find(key_);
  if (found == trainer.observation().end()) return;
  total_ += found->second.value * found->second.weight;
  weight_ += found->second.weight;
}

void MonitoredMean::sum_over_ranks(Trainer& trainer) {
  if (trainer.comm().size() == 1) return;
  const Array sums = array(std::vector<double>{total_, weight_}, {2});
  trainer.comm().all_reduce(sums);
  total_ = sums.data<double>()[0];
  weight_ = sums.data<double>()[1];
}

std::optional<double> MonitoredMean::take(Trainer& trainer) {
  sum_over_ranks(trainer);
  const std::optional<double> mean = weight_ > 0 ? std::optional(total_ / weight_) : std::nullopt;
  total_ = weight_ = 0;
  return mean;
}

void MonitoredMean::serialize(Serializer& serializer, Trainer& trainer) {
  if (serializer.is_loading() && !serializer.has("total")) return;
  double total = 0, weight = 0;
  if (!serializer.is_loading()) {
    const double mine = total_, my_weight = weight_;
    sum_over_ranks(trainer);
    total = total_;
    weight = weight_;
    total_ = mine;
    weight_ = my_weight;
  }
  serializer("total", total);
  serializer("weight", weight);
  if (!serializer.is_loading()) return;
  const bool first = trainer.comm().rank() == 0;  // the file has the sums of all ranks: rank 0 goes on with them
  total_ = first ? total : 0;
  weight_ = first ? weight : 0;
}

}  // namespace rensa
