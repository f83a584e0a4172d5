#include "trainer/extensions/observation_aggregator.h"

#include <cereal/types/vector.hpp>
#include <span>
#include <utility>

#include "comm/objects.h"
#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

/// Their mean, with their weights together.
Observed mean(const std::vector<Observed>& values) {
  Observed all(0, 0);
  for (const Observed& each : values) all.join(each);
  return all;
}

/// The value and the weight of each.
std::vector<double> as_numbers(const std::vector<Observed>& values) {
  std::vector<double> numbers;
  for (const Observed& each : values) numbers.insert(numbers.end(), {each.value(), each.weight});
  return numbers;
}

void append(std::vector<Observed>& values, std::span<const double> numbers) {
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) values.emplace_back(numbers[i], numbers[i + 1]);
}

}  // namespace

ObservationAggregator::ObservationAggregator(std::string key, const ObservationAggregatorOptions& options)
    : key_(std::move(key)), options_(options) {}

void ObservationAggregator::observe(Trainer& trainer) {
  const auto found = trainer.observation().find(key_);
  if (found != trainer.observation().end()) seen_.push_back(found->second);
}

std::vector<Observed> ObservationAggregator::gather(Communicator& comm) const {
  std::vector<Observed> all;
  for (const std::vector<double>& numbers : all_gather_objects(comm, as_numbers(seen_))) append(all, numbers);
  return all;
}

void ObservationAggregator::operator()(Trainer& trainer) {
  const std::vector<Observed> all = gather(trainer.comm());
  seen_.clear();
  if (all.empty()) return;
  const Observed joined = mean(all);
  const double value = options_.aggregation ? options_.aggregation(all) : joined.value();
  Observation& observation = trainer.observation();
  // A log adds up the ranks, and has the steps before this one: it is to count every sample once.
  if (!options_.aggregated_key.empty()) {
    observation[options_.aggregated_key] = {value, joined.weight / trainer.comm().size()};
  } else {
    const auto own = observation.find(key_);
    observation[key_] = {value, own == observation.end() ? 0 : own->second.weight};
  }
}

void ObservationAggregator::serialize(Serializer& serializer, Trainer& trainer) {
  const bool first = trainer.comm().rank() == 0;  // the file has the values of all ranks, and rank 0 goes on with them
  Array pairs;
  if (serializer.is_loading()) {
    seen_.clear();
    if (!first || !serializer.has("observation_history")) return;
    serializer("observation_history", pairs);
    append(seen_, {pairs.data<double>(), static_cast<std::size_t>(2 * pairs.shape()[0])});
    return;
  }
  seen_ = gather(trainer.comm());
  if (!first) seen_.clear();
  if (!seen_.empty()) pairs = array(as_numbers(seen_), {std::ssize(seen_), 2});
  serializer("observation_history", pairs);
}

}  // namespace rensa
