#include "tools/bench/comm_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "trainer/extensions/line_chart.h"

namespace rensa::tools {
namespace {

template <class... Values>
std::string formatted(const char* form, Values... values) {
  std::string text(static_cast<std::size_t>(std::snprintf(nullptr, 0, form, values...)), '\0');
  std::snprintf(text.data(), text.size() + 1, form, values...);
  return text;
}

std::string time_text(double us) { return formatted(us < 100 ? "%.2f" : "%.1f", us); }

std::string placement_text(const CommRow& row, const std::optional<CommRow::Placement>& placement) {
  if (!placement) return formatted("  %9s %7s %7s %6s", "N/A", "N/A", "N/A", "N/A");
  const double algbw = row.gigabytes_per_second(*placement);
  return formatted("  %9s %7.2f %7.2f %6s", time_text(placement->us.median()).c_str(), algbw, algbw * row.bus_factor,
                   placement->wrong ? std::to_string(*placement->wrong).c_str() : "N/A");
}

std::string spread_text(const std::optional<CommRow::Placement>& placement) {
  if (!placement) return formatted("  %19s", "N/A");
  return formatted("  %19s", (time_text(placement->us.smallest()) + "-" + time_text(placement->us.largest())).c_str());
}

nlohmann::json placement_json(const CommRow& row, const std::optional<CommRow::Placement>& placement) {
  if (!placement) return nullptr;
  const double algbw = row.gigabytes_per_second(*placement);
  nlohmann::json json = {{"time_us", placement->us.median()}, {"min_us", placement->us.smallest()},
                         {"max_us", placement->us.largest()}, {"algbw", algbw},
                         {"busbw", algbw * row.bus_factor},   {"wrong", nullptr},
                         {"times_us", placement->us.values}};
  if (placement->wrong) json["wrong"] = *placement->wrong;
  return json;
}

}  // namespace

double CommRow::gigabytes_per_second(const Placement& placement) const {
  return static_cast<double>(bytes) / placement.us.median() / 1e3;
}

std::string table_head(const CommRow& first) {
  std::string text = formatted("# %s, communicator %s, %d rank%s on %d node%s, memory %s\n", first.collective.c_str(),
                               first.communicator.c_str(), first.ranks, first.ranks == 1 ? "" : "s", first.nodes,
                               first.nodes == 1 ? "" : "s", first.memory.c_str());
  text += formatted("#%60s  %32s  %32s  %40s\n", "", "out-of-place          ", "in-place            ",
                    "least-most (us)       ");
  text += formatted("#%11s %12s %10s %8s %7s ", "size", "count", "type", "redop", "root");
  for (int i = 0; i < 2; ++i) text += formatted("  %9s %7s %7s %6s", "time", "algbw", "busbw", "#wrong");
  text += formatted("  %19s  %19s\n", "out-of-place", "in-place");
  text += formatted("#%11s %12s %10s %8s %7s ", "(B)", "(elements)", "", "", "");
  for (int i = 0; i < 2; ++i) text += formatted("  %9s %7s %7s %6s", "(us)", "(GB/s)", "(GB/s)", "");
  return text + "\n";
}

std::string table_line(const CommRow& row) {
  return formatted("%12lld %12lld %10s %8s %7d ", static_cast<long long>(row.bytes), static_cast<long long>(row.count),
                   row.dtype.c_str(), row.op.c_str(), row.root) +
         placement_text(row, row.out_of_place) + placement_text(row, row.in_place) + spread_text(row.out_of_place) +
         spread_text(row.in_place) + "\n";
}

nlohmann::json json_line(const CommRow& row) {
  return {{"collective", row.collective},
          {"communicator", row.communicator},
          {"memory", row.memory},
          {"ranks", row.ranks},
          {"nodes", row.nodes},
          {"size", row.bytes},
          {"count", row.count},
          {"type", row.dtype},
          {"redop", row.op},
          {"root", row.root},
          {"out_of_place", placement_json(row, row.out_of_place)},
          {"in_place", placement_json(row, row.in_place)}};
}

std::string bandwidth_page(const std::vector<CommRow>& rows) {
  std::map<std::string, ChartLines> charts;
  std::map<std::string, std::map<std::int64_t, ChartMark>> marks;
  for (const CommRow& row : rows) {
    const auto& placement = row.in_place ? row.in_place : row.out_of_place;
    if (!placement) continue;
    const double x = std::log2(static_cast<double>(row.bytes));
    charts[row.collective][row.communicator].emplace_back(x, row.gigabytes_per_second(*placement) * row.bus_factor);
    marks[row.collective].emplace(row.bytes, ChartMark{x, bytes_text(row.bytes)});
  }
  std::string body;
  for (const auto& [collective, lines] : charts) {
    std::vector<ChartMark> all, shown;
    for (const auto& [bytes, mark] : marks[collective]) all.push_back(mark);
    const std::size_t step = (all.size() + 6) / 7;  // no more than eight have room
    for (std::size_t i = 0; i < all.size(); i += step) shown.push_back(all[i]);
    body += "<div class=\"chart\"><h2>" + html_escaped(collective) + ": bus bandwidth (GB/s)</h2>\n" +
            line_chart(lines, shown) + "</div>\n";
  }
  const std::string place = rows.empty() ? "" : formatted(", %d ranks on %d nodes", rows[0].ranks, rows[0].nodes);
  return html_document("rensa bench comm" + place, body);
}

std::string bytes_text(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit < 3; ++unit) value /= 1024;
  return formatted("%.4g %s", value, kUnits[unit]);
}

std::int64_t bytes_of_text(const std::string& text) {
  std::int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  const std::string unit(end, last);
  const std::map<std::string, int> shifts = {{"", 0}, {"K", 10}, {"M", 20}, {"G", 30}};
  if (error != std::errc() || value < 1 || value > (std::int64_t{1} << 30) * 1024 || !shifts.contains(unit)) {
    throw ConfigError("\"", text, "\" is not a size: expected bytes such as 4, 64K, 256M or 1G.");
  }
  return value << shifts.at(unit);
}

}  // namespace rensa::tools
