#pragma once

#include <string>

#include "trainer/extensions/new_entries.h"

namespace rensa {

/// OUT/metrics.prom: the newest entry of a LogReport in Prometheus' text format, for node_exporter's textfile
/// collector:
///
///   rensa_observed{run="result",name="validation/main/accuracy"} 0.93
///
/// The file is replaced at once; a reader never sees half of it.
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
class PrometheusFile final : public Extension {
 public:
  /// `run`: tells runs apart on one page; "": the name of the output folder.
  explicit PrometheusFile(std::string run = "", std::string file_name = "metrics.prom",
                          std::string log_report = "LogReport");
  std::string name() const override { return "PrometheusFile"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kReader - 1; }
  void operator()(Trainer& trainer) override;

 private:
  const std::string run_, file_name_;
  NewEntries entries_;
};

/// The page itself.
std::string prometheus_page(const std::string& run, const LogReport::Entry& entry);

}  // namespace rensa
