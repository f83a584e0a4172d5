#include "trainer/extensions/observation_aggregator.h"

#include <cstring>
#include <utility>

#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

double mean(const std::vector<Observed>& values) {
  Observed all(0, 0);
  for (const Observed& each : values) all.join(each);
  return all.value();
}

std::string as_bytes(const std::vector<Observed>& values) {
  std::vector<double> numbers;
  for (const Observed& each : values) numbers.insert(numbers.end(), {each.value(), each.weight});
  const auto* const first = reinterpret_cast<const char*>(numbers.data());
  return {first, first + numbers.size() * sizeof(double)};
}

void append(std::vector<Observed>& values, const std::string& bytes) {
  if (bytes.empty()) return;
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
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
  for (const std::string& bytes : comm.all_gather_bytes(as_bytes(seen_))) append(all, bytes);
  return all;
}

void ObservationAggregator::operator()(Trainer& trainer) {
  const std::vector<Observed> all = gather(trainer.comm());
  seen_.clear();
  if (all.empty()) return;
  double weight = 0;
  for (const Observed& each : all) weight += each.weight;
  const std::string& name = options_.aggregated_key.empty() ? key_ : options_.aggregated_key;
  // each rank's share of the weight: a log that adds up the ranks counts every sample once
  trainer.observation()[name] = {options_.aggregation ? options_.aggregation(all) : mean(all),
                                 weight / trainer.comm().size()};
}

void ObservationAggregator::serialize(Serializer& serializer, Trainer& trainer) {
  const bool first = trainer.comm().rank() == 0;  // the file has the values of all ranks, and rank 0 goes on with them
  Array pairs;
  if (serializer.is_loading()) {
    seen_.clear();
    if (!first || !serializer.has("observation_history")) return;
    serializer("observation_history", pairs);
    for (std::int64_t i = 0; i < pairs.shape()[0]; ++i) {
      seen_.emplace_back(pairs.data<double>()[2 * i], pairs.data<double>()[2 * i + 1]);
    }
    return;
  }
  seen_ = gather(trainer.comm());
  if (!first) seen_.clear();
  std::vector<double> numbers;
  for (const Observed& each : seen_) numbers.insert(numbers.end(), {each.value(), each.weight});
  if (!seen_.empty()) pairs = array(numbers, {static_cast<std::int64_t>(seen_.size()), 2});
  serializer("observation_history", pairs);
}

}  // namespace rensa
