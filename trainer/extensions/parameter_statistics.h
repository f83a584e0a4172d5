#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/array/array.h"
#include "trainer/extension.h"
#include "trainer/observation.h"

namespace rensa {

/// "mean", "std", "min", "max", "zeros" (a count) and "percentile/0" … of all elements, those of `percentiles` in [0,
/// 100] by linear interpolation. Empty for an empty array.
std::map<std::string, double> statistics_of(const Array& values, const std::vector<double>& percentiles);

/// Options of ParameterStatistics.
struct ParameterStatisticsOptions {
  Trigger trigger = {1, Unit::kEpoch};
  std::string prefix = "";  ///< of the reported names
  bool data = true;         ///< report the weights
  bool gradients = false;   ///< report the gradients of the last step; costs a look at every gradient in each step
  /// Chainer's: where 0, ±1, ±2 and ±3 standard deviations of a normal distribution lie.
  std::vector<double> percentiles = {0.13, 2.28, 15.87, 50, 84.13, 97.72, 99.87};
};

/// Reports statistics of every parameter: "predictor/conv1/W/data/mean", "predictor/conv1/W/grad/percentile/3".
/// Chainer's ParameterStatistics.
class ParameterStatistics final : public Extension {
 public:
  explicit ParameterStatistics(const ParameterStatisticsOptions& options = {});
  std::string name() const override { return "ParameterStatistics"; }
  Trigger default_trigger() const override { return options_.trigger; }
  int default_priority() const override { return kWriter; }
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void finalize(Trainer& trainer) override;

 private:
  void look_at(const std::string& path, const Array& values, Observation& seen) const;

  const ParameterStatisticsOptions options_;
  Observation gradients_;  ///< of the last step
  bool hooked_ = false;    ///< the optimizer's hook is this object's
};

}  // namespace rensa
