#include "trainer/observation.h"

namespace rensa {
namespace {

/// Takes a value into a mean of the weight `weight`.
void move_mean(double& mean, double& weight, double value, double value_weight) {
  weight += value_weight;
  if (weight > 0) mean += (value - mean) * (value_weight / weight);
}

}  // namespace

double Observed::value() const {
  double mean = known_, sum = known_weight_;
  for (const Later& each : later_) move_mean(mean, sum, each.number.value(), each.weight);
  return mean;
}

void Observed::join(const Observed& other) {
  weight += other.weight;
  move_mean(known_, known_weight_, other.known_, other.known_weight_);
  later_.insert(later_.end(), other.later_.begin(), other.later_.end());
}

void join_means(Observation& all, const Observation& part) {
  for (const auto& [name, seen] : part) all.try_emplace(name, Observed(0, 0)).first->second.join(seen);
}

void ObservedSum::add(const Observed& seen) {
  weight_ += seen.weight;
  if (seen.is_deferred() || !later_.empty()) {
    later_.push_back(seen);
  } else {
    total_ += seen.value() * seen.weight;
  }
}

double ObservedSum::total() const {
  double sum = total_;
  for (const Observed& each : later_) sum += each.value() * each.weight;
  return sum;
}

void ObservedSum::settle() {
  total_ = total();
  later_.clear();
}

}  // namespace rensa
