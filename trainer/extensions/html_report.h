#pragma once

#include <string>

#include "trainer/extension.h"
#include "trainer/extensions/log_report.h"

namespace rensa {

/// OUT/report.html: the curves of the LogReport as one page without outside parts. Written by rank 0 with each entry.
class HtmlReport final : public Extension {
 public:
  explicit HtmlReport(std::string title, std::string log_report = "LogReport");
  std::string name() const override { return "HtmlReport"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kReader - 2; }
  void operator()(Trainer& trainer) override;

 private:
  const std::string title_, log_report_;
};

/// The page itself: a chart for each family of names ("loss", "accuracy", …) over the epochs, and a table of the entries.
std::string html_page(const std::string& title, const std::vector<LogReport::Entry>& log);

}  // namespace rensa
