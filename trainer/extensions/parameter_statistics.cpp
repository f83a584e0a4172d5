#include "trainer/extensions/parameter_statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "trainer/trainer.h"

namespace rensa {

std::map<std::string, double> statistics_of(const Array& values, const std::vector<double>& percentiles) {
  std::vector<double> all = to_vector<double>(values.to(Dtype::kFloat64));
  if (all.empty()) return {};
  const auto count = static_cast<double>(all.size());
  double sum = 0, squares = 0;
  for (const double value : all) sum += value;
  const double mean = sum / count;
  for (const double value : all) squares += (value - mean) * (value - mean);
  std::map<std::string, double> found = {{"mean", mean},
                                         {"std", std::sqrt(squares / count)},
                                         {"zeros", static_cast<double>(std::count(all.begin(), all.end(), 0.0))}};
  std::sort(all.begin(), all.end());
  found["min"] = all.front();
  found["max"] = all.back();
  for (std::size_t i = 0; i < percentiles.size(); ++i) {
    const double place = percentiles[i] / 100 * (count - 1), below = std::floor(place);
    const auto at = static_cast<std::size_t>(below);
    const double next = all[std::min(at + 1, all.size() - 1)];
    found["percentile/" + std::to_string(i)] = all[at] + (place - below) * (next - all[at]);
  }
  return found;
}

ParameterStatistics::ParameterStatistics(const ParameterStatisticsOptions& options) : options_(options) {}

void ParameterStatistics::look_at(const std::string& path, const Array& values, Observation& seen) const {
  for (const auto& [name, value] : statistics_of(values, options_.percentiles)) {
    seen[options_.prefix + path + "/" + name] = {value, 1};
  }
}

void ParameterStatistics::initialize(Trainer& trainer) {
  if (!options_.gradients) return;
  hooked_ = true;
  trainer.optimizer().add_hook(name(), [this](Optimizer& optimizer) {
    gradients_.clear();
    for (const Link::NamedParameter& named : optimizer.model().named_parameters()) {
      if (named.parameter->grad()) look_at(named.path + "/grad", named.parameter->grad(), gradients_);
    }
  });
}

void ParameterStatistics::operator()(Trainer& trainer) {
  trainer.observation().insert(gradients_.begin(), gradients_.end());
  if (!options_.data) return;
  for (const Link::NamedParameter& named : trainer.updater().model().named_parameters()) {
    if (named.parameter->is_initialized())
      look_at(named.path + "/data", named.parameter->array().to(Device{}), trainer.observation());
  }
}

void ParameterStatistics::finalize(Trainer& trainer) {
  if (std::exchange(hooked_, false)) trainer.optimizer().remove_hook(name());
}

}  // namespace rensa
