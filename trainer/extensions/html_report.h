#pragma once

#include <string>
#include <utility>
#include <vector>

#include "trainer/extension.h"
#include "trainer/extensions/log_report.h"

namespace rensa {

/// What a report says beside its curves: names and values in the order in which they stand.
struct ReportSection {
  std::string title;  ///< "Environment"
  std::vector<std::pair<std::string, std::string>> rows;
  bool folded = false;  ///< opened by a click: for what few readers want to see
};

/// OUT/report.html: the curves of the LogReport as one page without outside parts, on which `sections` follow. Written
/// by rank 0 with each entry.
class HtmlReport final : public Extension {
 public:
  explicit HtmlReport(std::string title, std::vector<ReportSection> sections = {},
                      std::string log_report = "LogReport");
  std::string name() const override { return "HtmlReport"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kReader - 2; }
  void operator()(Trainer& trainer) override;

 private:
  const std::string title_;
  const std::vector<ReportSection> sections_;
  const std::string log_report_;
};

/// The page itself: a chart for each family of names ("loss", "accuracy", …) over epochs or iterations, the sections,
/// and a table of the entries.
std::string html_page(const std::string& title, const std::vector<LogReport::Entry>& log,
                      const std::vector<ReportSection>& sections = {});

}  // namespace rensa
