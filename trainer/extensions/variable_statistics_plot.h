#pragma once

#include <string>
#include <vector>

#include "core/links/link.h"
#include "trainer/extension.h"
#include "trainer/extensions/line_chart.h"

namespace rensa {

/// Options of VariableStatisticsPlot.
struct VariableStatisticsPlotOptions {
  Link* target = nullptr;  ///< whose parameters; null: of the model that is trained
  Trigger trigger = {1, Unit::kEpoch};
  std::string file_name = "statistics.svg";
  /// Chainer's: where 0, ±1, ±2 and ±3 standard deviations of a normal distribution lie.
  std::vector<double> percentiles = {0.13, 2.28, 15.87, 50, 84.13, 97.72, 99.87};
};

/// `OUT/<file_name>`: the mean, the standard deviation and percentiles of a link's parameters, all their elements
/// together, over the iterations: Chainer's VariableStatisticsPlot. Drawn anew each time, by rank 0. Of the gradients,
/// or of one parameter: ParameterStatistics and a PlotReport of what it reports.
class VariableStatisticsPlot final : public Extension {
 public:
  explicit VariableStatisticsPlot(const VariableStatisticsPlotOptions& options = {});
  std::string name() const override { return "VariableStatisticsPlot_" + options_.file_name; }
  Trigger default_trigger() const override { return options_.trigger; }
  void operator()(Trainer& trainer) override;
  void serialize(Serializer& serializer, Trainer& trainer) override;

 private:
  std::string line_name(const std::string& statistic) const;

  const VariableStatisticsPlotOptions options_;
  ChartLines lines_;  ///< rank 0's
};

}  // namespace rensa
