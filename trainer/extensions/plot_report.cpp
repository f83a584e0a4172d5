#include "trainer/extensions/plot_report.h"

#include <cmath>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "trainer/extensions/line_chart.h"
#include "trainer/trainer.h"

namespace rensa {

PlotReport::PlotReport(std::vector<std::string> y_keys, std::string x_key, std::string file_name,
                       std::string log_report)
    : y_keys_(std::move(y_keys)),
      x_key_(std::move(x_key)),
      file_name_(std::move(file_name)),
      entries_(std::move(log_report)) {
  if (x_key_ != "iteration" && x_key_ != "epoch" && x_key_ != "elapsed_time") {
    throw ValueError("PlotReport: x_key \"", x_key_, "\" is unknown, expected iteration, epoch or elapsed_time.");
  }
}

void PlotReport::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  ChartLines lines;
  for (const LogReport::Entry& entry : entries_.log(trainer)) {
    for (const std::string& key : y_keys_) {
      const auto found = entry.find(key);
      if (found != entry.end() && std::isfinite(found->second))
        lines[key].emplace_back(entry.at(x_key_), found->second);
    }
  }
  if (lines.empty()) return;
  replace_file(trainer.out() + "/" + file_name_, svg_picture(lines, round_marks(lines, x_key_)));
}

}  // namespace rensa
