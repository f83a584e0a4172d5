#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rensa {

/// Lines by name, each of points (x, y), none of them empty.
using ChartLines = std::map<std::string, std::vector<std::pair<double, double>>>;

/// A text below the x axis.
struct ChartMark {
  double x;
  std::string text;
};

/// A chart as SVG with a legend in HTML: labelled round levels of y, the marks along x, and each line's last value.
/// `marks` are in ascending order.
std::string line_chart(const ChartLines& lines, const std::vector<ChartMark>& marks);

/// The same as an SVG file of its own, with the legend below the frame.
std::string svg_picture(const ChartLines& lines, const std::vector<ChartMark>& marks);

/// Round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, about `count` of them and at least one.
std::vector<double> round_levels(double low, double high, int count);

/// Round values of x with their numbers, before the last of which stands `name`: "2", "4", "epoch 6".
std::vector<ChartMark> round_marks(const ChartLines& lines, const std::string& name);

/// The smallest and the largest x of all points.
std::pair<double, double> range_of_x(const ChartLines& lines);

/// A page that needs no other file: head, style, the title as headline, and `body`, which is HTML.
std::string html_document(const std::string& title, const std::string& body);

/// With HTML's names for the characters that it would read as its own.
std::string html_escaped(const std::string& text);
std::string html_number(double value);  ///< five digits; whole above 100,000

}  // namespace rensa
