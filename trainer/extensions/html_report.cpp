#include "trainer/extensions/html_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "core/serializers/file_replacement.h"
#include "trainer/extensions/line_chart.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

/// What the curves lie over: "epoch" where every entry ends one, so that it is a whole number, else "iteration".
std::string axis_of(const std::vector<LogReport::Entry>& log) {
  const auto has_iteration = [](const LogReport::Entry& entry) { return entry.contains("iteration"); };
  if (!std::all_of(log.begin(), log.end(), has_iteration)) return "epoch";
  std::set<double> epochs;
  for (const LogReport::Entry& entry : log) {
    if (entry.at("epoch") < 1 || !epochs.insert(entry.at("epoch")).second) return "iteration";
  }
  return "epoch";
}

/// Families of names (the last part of a name) that have a headline of their own, in the order of the page. Others come
/// behind, under their own name.
constexpr std::pair<const char*, const char*> kHeadlines[] = {{"loss", "loss"},
                                                              {"accuracy", "accuracy"},
                                                              {"images_per_second", "throughput, images per second"},
                                                              {"time_ms", "where a step's time goes, milliseconds"},
                                                              {"lr", "learning rate"}};

struct Chart {
  std::string headline;
  ChartLines lines;
};

std::vector<Chart> charts_of(const std::vector<LogReport::Entry>& log, const std::string& axis) {
  std::map<std::string, ChartLines> families;
  for (const LogReport::Entry& entry : log) {
    for (const auto& [name, value] : entry) {
      if (name == "epoch" || name == "iteration" || name == "elapsed_time" || !std::isfinite(value)) continue;
      families[name.substr(name.rfind('/') + 1)][name].emplace_back(entry.at(axis), value);
    }
  }
  std::vector<Chart> charts;
  for (const auto& [family, headline] : kHeadlines) {
    if (auto found = families.extract(family)) charts.push_back({headline, std::move(found.mapped())});
  }
  for (auto& [family, lines] : families) charts.push_back({family, std::move(lines)});
  return charts;
}

std::string html_section(const ReportSection& section) {
  std::ostringstream html;
  const std::string title = html_escaped(section.title);
  html << (section.folded ? "<details><summary>" + title + "</summary>" : "<h2>" + title + "</h2>")
       << "\n<table class=\"facts\">\n";
  for (const auto& [name, value] : section.rows) {
    html << "<tr><th>" << html_escaped(name) << "</th><td>" << html_escaped(value) << "</td></tr>\n";
  }
  html << "</table>" << (section.folded ? "</details>" : "") << '\n';
  return html.str();
}

std::string html_log(const std::vector<LogReport::Entry>& log) {
  std::set<std::string> names;
  for (const LogReport::Entry& entry : log) {
    for (const auto& [name, value] : entry) names.insert(name);
  }
  std::ostringstream html;
  html << "<h2>Log</h2>\n<div class=\"wide\"><table class=\"log\"><tr>";
  for (const std::string& name : names) html << "<th>" << html_escaped(name) << "</th>";
  html << "</tr>\n";
  for (const LogReport::Entry& entry : log) {
    html << "<tr>";
    for (const std::string& name : names) {
      const auto found = entry.find(name);
      html << "<td>" << (found == entry.end() ? "" : html_number(found->second)) << "</td>";
    }
    html << "</tr>\n";
  }
  html << "</table></div>\n";
  return html.str();
}

}  // namespace

std::string html_page(const std::string& title, const std::vector<LogReport::Entry>& log,
                      const std::vector<ReportSection>& sections) {
  std::ostringstream body;
  const std::string axis = axis_of(log);
  for (const Chart& chart : charts_of(log, axis)) {
    body << "<div class=\"chart\"><h2>" << html_escaped(chart.headline) << "</h2>\n"
         << line_chart(chart.lines, round_marks(chart.lines, axis)) << "</div>\n";
  }
  for (const ReportSection& section : sections) body << html_section(section);
  body << html_log(log);
  return html_document(title, body.str());
}

HtmlReport::HtmlReport(std::string title, std::vector<ReportSection> sections, std::string log_report)
    : title_(std::move(title)), sections_(std::move(sections)), log_report_(std::move(log_report)) {}

void HtmlReport::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  const std::vector<LogReport::Entry>& log = dynamic_cast<LogReport&>(trainer.extension(log_report_)).log();
  replace_file(trainer.out() + "/report.html", html_page(title_, log, sections_));
}

}  // namespace rensa
