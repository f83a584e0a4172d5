#pragma once

#include <string>
#include <vector>

#include "trainer/extensions/new_entries.h"

namespace rensa {

/// `OUT/<file_name>`: curves of a LogReport as a picture (SVG), drawn anew with each entry: Chainer's PlotReport.
class PlotReport final : public Extension {
 public:
  /// `y_keys`: observed names. `x_key`: "iteration", "epoch" or "elapsed_time".
  explicit PlotReport(std::vector<std::string> y_keys, std::string x_key = "iteration",
                      std::string file_name = "plot.svg", std::string log_report = "LogReport");
  std::string name() const override { return "PlotReport_" + file_name_; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kReader - 1; }
  void operator()(Trainer& trainer) override;

 private:
  const std::vector<std::string> y_keys_;
  const std::string x_key_, file_name_;
  NewEntries entries_;
};

}  // namespace rensa
