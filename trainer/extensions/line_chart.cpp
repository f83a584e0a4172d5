#include "trainer/extensions/line_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

namespace rensa {
namespace {

constexpr double kWidth = 620, kHeight = 260, kLeft = 60, kBottom = 30, kTop = 12, kRight = 12;
constexpr std::array<const char*, 8> kColours = {"#1565c0", "#d84315", "#2e7d32", "#6a1b9a",
                                                 "#f9a825", "#00838f", "#ad1457", "#5d4037"};

/// The first mark ends at the frame's left, the last one at its right.
const char* anchor(std::size_t mark, std::size_t marks) {
  return mark == 0 ? "start" : mark + 1 == marks ? "end" : "middle";
}

constexpr double kLegendLine = 16;  ///< height of a name below a picture's frame

std::string legend_in_html(const ChartLines& lines) {
  std::ostringstream html;
  html << "<p class=\"legend\">";
  std::size_t colour = 0;
  for (const auto& [name, points] : lines) {
    html << "<span style=\"color:" << kColours[colour++ % kColours.size()] << "\">&#9632; " << html_escaped(name)
         << " (last " << html_number(points.back().second) << ")</span> ";
  }
  html << "</p>\n";
  return html.str();
}

/// The opening tag of a picture `height` high.
std::string svg_tag(double height, const std::string& attributes) {
  std::ostringstream tag;
  tag << "<svg" << attributes << " viewBox=\"0 0 " << kWidth << ' ' << height << "\" width=\"" << kWidth
      << "\" height=\"" << height << "\">\n";
  return tag.str();
}

std::string legend_in_svg(const ChartLines& lines) {
  std::ostringstream svg;
  std::size_t row = 0;
  for (const auto& [name, points] : lines) {
    svg << "<text x=\"" << kLeft << "\" y=\"" << kHeight + kLegendLine * static_cast<double>(row + 1) - 4
        << "\" style=\"fill:" << kColours[row % kColours.size()] << "\">&#9632; " << html_escaped(name) << " (last "
        << html_number(points.back().second) << ")</text>\n";
    ++row;
  }
  return svg.str();
}

/// What lies inside the frame of kWidth × kHeight.
std::string drawing(const ChartLines& lines, const std::vector<ChartMark>& marks) {
  auto [x0, x1] = range_of_x(lines);
  double y0 = INFINITY, y1 = -INFINITY;
  for (const auto& [name, points] : lines) {
    for (const auto& [x, y] : points) y0 = std::min(y0, y), y1 = std::max(y1, y);
  }
  if (!(x1 > x0)) x1 = x0 + 1;
  if (!(y1 > y0)) y1 = y0 + 1;
  const auto px = [left = x0, right = x1](double x) {
    return kLeft + (x - left) / (right - left) * (kWidth - kLeft - kRight);
  };
  const auto py = [&](double y) { return kHeight - kBottom - (y - y0) / (y1 - y0) * (kHeight - kBottom - kTop); };
  std::ostringstream svg;
  for (int i = 0; i <= 4; ++i) {
    const double y = y0 + (y1 - y0) * i / 4;
    svg << "<line class=\"grid\" x1=\"" << kLeft << "\" x2=\"" << kWidth - kRight << "\" y1=\"" << py(y) << "\" y2=\""
        << py(y) << "\"/><text x=\"" << kLeft - 6 << "\" y=\"" << py(y) + 4 << "\" text-anchor=\"end\">"
        << html_number(y) << "</text>\n";
  }
  for (std::size_t i = 0; i < marks.size(); ++i) {
    svg << "<text x=\"" << px(marks[i].x) << "\" y=\"" << kHeight - 10 << "\" text-anchor=\"" << anchor(i, marks.size())
        << "\">" << html_escaped(marks[i].text) << "</text>\n";
  }
  std::size_t colour = 0;
  for (const auto& [name, points] : lines) {
    svg << "<polyline fill=\"none\" stroke=\"" << kColours[colour++ % kColours.size()] << "\" stroke-width=\"2\" points=\"";
    for (const auto& [x, y] : points) svg << html_number(px(x)) << ',' << html_number(py(y)) << ' ';
    svg << "\"/>\n";
  }
  return svg.str();
}

}  // namespace

std::string html_escaped(const std::string& text) {
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

std::string html_number(double value) {
  std::ostringstream out;
  out.precision(5);
  out << value;
  return out.str();
}

std::pair<double, double> range_of_x(const ChartLines& lines) {
  double x0 = INFINITY, x1 = -INFINITY;
  for (const auto& [name, points] : lines) {
    for (const auto& [x, y] : points) x0 = std::min(x0, x), x1 = std::max(x1, x);
  }
  return {x0, x1};
}

std::string line_chart(const ChartLines& lines, const std::vector<ChartMark>& marks) {
  return svg_tag(kHeight, "") + drawing(lines, marks) + "</svg>\n" + legend_in_html(lines);
}

std::string svg_picture(const ChartLines& lines, const std::vector<ChartMark>& marks) {
  return svg_tag(kHeight + kLegendLine * static_cast<double>(lines.size()), " xmlns=\"http://www.w3.org/2000/svg\"") +
         "<style>text{font:11px sans-serif;fill:#555}.grid{stroke:#ddd}</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" +
         drawing(lines, marks) + legend_in_svg(lines) + "</svg>\n";
}

std::string html_document(const std::string& title, const std::string& body) {
  std::ostringstream page;
  page << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" << html_escaped(title)
       << "</title>\n<style>body{font:14px sans-serif;margin:2em;max-width:1300px}svg text{font:11px sans-serif;fill:#555}"
          ".grid{stroke:#ddd}.chart{display:inline-block;margin:0 1em 1em 0;vertical-align:top}.legend{margin:.2em 0}"
          "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #eee}</style>"
          "</head><body>\n<h1>"
       << html_escaped(title) << "</h1>\n"
       << body << "</body></html>\n";
  return page.str();
}

}  // namespace rensa
