#include "trainer/extensions/variable_statistics_plot.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "core/serializers/serializer.h"
#include "trainer/extensions/parameter_statistics.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

Array all_elements(Link& link) {
  std::vector<double> all;
  for (const Parameter* parameter : link.parameters()) {
    if (!parameter->is_initialized()) continue;
    const std::vector<double> values = to_vector<double>(parameter->array().to(Device{}).to(Dtype::kFloat64));
    all.insert(all.end(), values.begin(), values.end());
  }
  return array(all, {static_cast<std::int64_t>(all.size())});
}

}  // namespace

VariableStatisticsPlot::VariableStatisticsPlot(const VariableStatisticsPlotOptions& options) : options_(options) {}

/// What the legend calls a statistic of statistics_of(); "": it is not drawn.
std::string VariableStatisticsPlot::line_name(const std::string& statistic) const {
  const std::string percentile = "percentile/";
  if (statistic == "mean" || statistic == "std") return statistic;
  if (!statistic.starts_with(percentile)) return "";
  return detail::join(options_.percentiles[std::stoul(statistic.substr(percentile.size()))], " %");
}

void VariableStatisticsPlot::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  const Array elements = all_elements(options_.target ? *options_.target : trainer.updater().model());
  const auto iteration = static_cast<double>(trainer.updater().iteration());
  for (const auto& [statistic, value] : statistics_of(elements, options_.percentiles)) {
    const std::string line = line_name(statistic);
    if (!line.empty() && std::isfinite(value)) lines_[line].emplace_back(iteration, value);
  }
  if (lines_.empty()) return;
  replace_file(trainer.out() + "/" + options_.file_name, svg_picture(lines_, round_marks(lines_, "iteration")));
}

void VariableStatisticsPlot::serialize(Serializer& serializer, Trainer&) {
  if (serializer.is_loading() && !serializer.has("lines")) return;
  std::string text = nlohmann::json(lines_).dump();
  serializer("lines", text);
  if (serializer.is_loading()) lines_ = nlohmann::json::parse(text).get<ChartLines>();
}

}  // namespace rensa
