#include "trainer/extensions/html_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

constexpr double kWidth = 620, kHeight = 260, kLeft = 60, kBottom = 30, kTop = 12, kRight = 12;
constexpr std::array<const char*, 4> kColours = {"#1565c0", "#d84315", "#2e7d32", "#6a1b9a"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

std::string number(double value) {
  std::ostringstream out;
  out.precision(5);
  out << value;
  return out.str();
}

using Points = std::vector<std::pair<double, double>>;

/// One chart: a line for each name, axes with their ends labelled.
std::string chart(const std::map<std::string, Points>& lines) {
  double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
  for (const auto& [name, points] : lines) {
    for (const auto& [x, y] : points) {
      x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, y), y1 = std::max(y1, y);
    }
  }
  if (!(x1 > x0)) x1 = x0 + 1;
  if (!(y1 > y0)) y1 = y0 + 1;
  const auto px = [&](double x) { return kLeft + (x - x0) / (x1 - x0) * (kWidth - kLeft - kRight); };
  const auto py = [&](double y) { return kHeight - kBottom - (y - y0) / (y1 - y0) * (kHeight - kBottom - kTop); };
  std::ostringstream svg;
  svg << "<svg viewBox=\"0 0 " << kWidth << ' ' << kHeight << "\" width=\"" << kWidth << "\" height=\"" << kHeight << "\">\n";
  for (int i = 0; i <= 4; ++i) {
    const double y = y0 + (y1 - y0) * i / 4;
    svg << "<line class=\"grid\" x1=\"" << kLeft << "\" x2=\"" << kWidth - kRight << "\" y1=\"" << py(y) << "\" y2=\""
        << py(y) << "\"/><text x=\"" << kLeft - 6 << "\" y=\"" << py(y) + 4 << "\" text-anchor=\"end\">" << number(y)
        << "</text>\n";
  }
  for (const double x : {x0, x1}) {
    svg << "<text x=\"" << px(x) << "\" y=\"" << kHeight - 10 << "\" text-anchor=\"" << (x == x0 ? "start" : "end")
        << "\">epoch " << number(x) << "</text>\n";
  }
  std::size_t colour = 0;
  for (const auto& [name, points] : lines) {
    svg << "<polyline fill=\"none\" stroke=\"" << kColours[colour++ % kColours.size()] << "\" stroke-width=\"2\" points=\"";
    for (const auto& [x, y] : points) svg << number(px(x)) << ',' << number(py(y)) << ' ';
    svg << "\"/>\n";
  }
  svg << "</svg>\n<p class=\"legend\">";
  colour = 0;
  for (const auto& [name, points] : lines) {
    svg << "<span style=\"color:" << kColours[colour++ % kColours.size()] << "\">&#9632; " << escaped(name) << " (last "
        << number(points.back().second) << ")</span> ";
  }
  svg << "</p>\n";
  return svg.str();
}

double position(const LogReport::Entry& entry) {
  const auto epoch = entry.find("epoch_detail");
  return epoch != entry.end() ? epoch->second : entry.at("epoch");
}

}  // namespace

std::string html_page(const std::string& title, const std::vector<LogReport::Entry>& log) {
  std::map<std::string, std::map<std::string, Points>> charts;  // by the last part of the name
  std::set<std::string> names;
  for (const LogReport::Entry& entry : log) {
    for (const auto& [name, value] : entry) {
      names.insert(name);
      if (name == "epoch" || name == "iteration" || name == "elapsed_time" || !std::isfinite(value)) continue;
      charts[name.substr(name.rfind('/') + 1)][name].emplace_back(position(entry), value);
    }
  }
  std::ostringstream page;
  page << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" << escaped(title)
       << "</title>\n<style>body{font:14px sans-serif;margin:2em;max-width:1300px}svg text{font:11px sans-serif;fill:#555}"
          ".grid{stroke:#ddd}.chart{display:inline-block;margin:0 1em 1em 0;vertical-align:top}.legend{margin:.2em 0}"
          "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #eee}</style>"
          "</head><body>\n<h1>"
       << escaped(title) << "</h1>\n";
  for (const auto& [family, lines] : charts) {
    page << "<div class=\"chart\"><h2>" << escaped(family) << "</h2>\n" << chart(lines) << "</div>\n";
  }
  page << "<table><tr>";
  for (const std::string& name : names) page << "<th>" << escaped(name) << "</th>";
  page << "</tr>\n";
  for (const LogReport::Entry& entry : log) {
    page << "<tr>";
    for (const std::string& name : names) {
      const auto found = entry.find(name);
      page << "<td>" << (found == entry.end() ? "" : number(found->second)) << "</td>";
    }
    page << "</tr>\n";
  }
  page << "</table></body></html>\n";
  return page.str();
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
