#include "trainer/extensions/html_report.h"

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "trainer/extensions/line_chart.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

double position(const LogReport::Entry& entry) {
  const auto epoch = entry.find("epoch_detail");
  return epoch != entry.end() ? epoch->second : entry.at("epoch");
}

std::vector<ChartMark> first_and_last_epoch(const ChartLines& lines) {
  const auto [first, last] = range_of_x(lines);
  std::vector<ChartMark> marks = {{first, "epoch " + html_number(first)}};
  if (last > first) marks.push_back({last, "epoch " + html_number(last)});
  return marks;
}

}  // namespace

std::string html_page(const std::string& title, const std::vector<LogReport::Entry>& log) {
  std::map<std::string, ChartLines> charts;  // by the last part of the name
  std::set<std::string> names;
  for (const LogReport::Entry& entry : log) {
    for (const auto& [name, value] : entry) {
      names.insert(name);
      if (name == "epoch" || name == "iteration" || name == "elapsed_time" || !std::isfinite(value)) continue;
      charts[name.substr(name.rfind('/') + 1)][name].emplace_back(position(entry), value);
    }
  }
  std::ostringstream body;
  for (const auto& [family, lines] : charts) {
    body << "<div class=\"chart\"><h2>" << html_escaped(family) << "</h2>\n"
         << line_chart(lines, first_and_last_epoch(lines)) << "</div>\n";
  }
  body << "<table><tr>";
  for (const std::string& name : names) body << "<th>" << html_escaped(name) << "</th>";
  body << "</tr>\n";
  for (const LogReport::Entry& entry : log) {
    body << "<tr>";
    for (const std::string& name : names) {
      const auto found = entry.find(name);
      body << "<td>" << (found == entry.end() ? "" : html_number(found->second)) << "</td>";
    }
    body << "</tr>\n";
  }
  body << "</table>";
  return html_document(title, body.str());
}

HtmlReport::HtmlReport(std::string title, std::string log_report)
    : title_(std::move(title)), log_report_(std::move(log_report)) {}

void HtmlReport::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  const std::string path = trainer.out() + "/report.html";
  FileReplacement file(path);
  std::ofstream out(file.path());
  out << html_page(title_, dynamic_cast<LogReport&>(trainer.extension(log_report_)).log());
  out.close();
  if (!out) throw FileError(path, ": cannot be written. Is the disk full?");
  file.commit();
}

}  // namespace rensa
