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

/// Charts stand side by side where there is room, and shrink to a narrow window; wide tables are scrolled by
/// themselves.
constexpr const char* kStyle = R"(
body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;padding:0 1.5em;max-width:1300px;color:#222}
h1{font-size:1.6em}h2{font-size:1.1em;margin:1em 0 .3em}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#555}.grid{stroke:#ddd}
.chart{display:inline-block;width:590px;max-width:100%;margin:0 1em 1em 0;vertical-align:top}
.legend{margin:.2em 0}.legend span{margin-right:.8em;white-space:nowrap}
.wide{overflow-x:auto}table{border-collapse:collapse}td,th{padding:2px 10px;border-bottom:1px solid #eee}
.facts th{text-align:left;font-weight:normal;color:#666;white-space:nowrap;vertical-align:top}
.facts td{overflow-wrap:anywhere}.log td,.log th{text-align:right;white-space:nowrap}
summary{cursor:pointer;margin:1em 0 .3em}
@media(max-width:600px){body{margin:1em auto;padding:0 .8em}.facts th{white-space:normal}svg text{font-size:16px}}
)";

/// Texts near the frame's sides stay inside.
const char* anchor(double place) {
  constexpr double kHalfAText = 40;
  return place < kLeft + kHalfAText ? "start" : place > kWidth - kRight - kHalfAText ? "end" : "middle";
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
  if (!(y1 > y0)) {
    const double margin = y0 == 0 ? 1 : std::abs(y0) / 10;
    y0 -= margin, y1 += margin;
  }
  const auto px = [left = x0, right = x1](double x) {
    return kLeft + (x - left) / (right - left) * (kWidth - kLeft - kRight);
  };
  const auto py = [&](double y) { return kHeight - kBottom - (y - y0) / (y1 - y0) * (kHeight - kBottom - kTop); };
  std::ostringstream svg;
  for (const double y : round_levels(y0, y1, 5)) {
    svg << "<line class=\"grid\" x1=\"" << kLeft << "\" x2=\"" << kWidth - kRight << "\" y1=\"" << py(y) << "\" y2=\""
        << py(y) << "\"/><text x=\"" << kLeft - 6 << "\" y=\"" << py(y) + 4 << "\" text-anchor=\"end\">"
        << html_number(y) << "</text>\n";
  }
  for (const ChartMark& mark : marks) {
    svg << "<text x=\"" << px(mark.x) << "\" y=\"" << kHeight - 10 << "\" text-anchor=\"" << anchor(px(mark.x)) << "\">"
        << html_escaped(mark.text) << "</text>\n";
  }
  std::size_t colour = 0;
  for (const auto& [name, points] : lines) {
    const char* const ink = kColours[colour++ % kColours.size()];
    svg << "<polyline fill=\"none\" stroke=\"" << ink << "\" stroke-width=\"2\" points=\"";
    for (const auto& [x, y] : points) svg << html_number(px(x)) << ',' << html_number(py(y)) << ' ';
    svg << "\"/>\n";
    if (points.size() == 1) {  // a line of one point shows nothing
      svg << "<circle r=\"3\" fill=\"" << ink << "\" cx=\"" << html_number(px(points[0].first)) << "\" cy=\""
          << html_number(py(points[0].second)) << "\"/>\n";
    }
  }
  return svg.str();
}

}  // namespace

std::string html_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string html_number(double value) {
  std::ostringstream out;
  out.precision(std::abs(value) >= 1e5 && std::abs(value) < 1e15 ? 0 : 5);
  if (out.precision() == 0) out << std::fixed;
  out << value;
  return out.str();
}

std::vector<double> round_levels(double low, double high, int count) {
  const double wanted = (high - low) / count, largest = std::max(std::abs(low), std::abs(high));
  if (!(wanted > 1e-9 * largest)) return {low};  // no digits tell them apart, and steps so small may not move a double
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  const double step = power * (wanted > 5 * power ? 10 : wanted > 2 * power ? 5 : wanted > power ? 2 : 1);
  std::vector<double> levels;
  for (double n = std::ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; ++n)
    levels.push_back(n * step + 0.0);  // no -0
  if (levels.empty()) levels.push_back(low);
  return levels;
}

std::vector<ChartMark> round_marks(const ChartLines& lines, const std::string& name) {
  const auto [first, last] = range_of_x(lines);
  std::vector<ChartMark> marks;
  for (const double x : round_levels(first, last, 6)) marks.push_back({x, html_number(x)});
  marks.back().text = name + ' ' + marks.back().text;
  return marks;
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
  page << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>"
       << html_escaped(title) << "</title>\n<style>" << kStyle << "</style></head><body>\n<h1>" << html_escaped(title)
       << "</h1>\n"
       << body << "</body></html>\n";
  return page.str();
}

}  // namespace rensa
