#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rensa::testing {

inline nlohmann::json read_trace(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in);
}

/// What the Trace Event Format asks of a file in its object form, for the kinds of events that are written here:
/// complete events (X), marks (i) and metadata (M); and that the complete events of a track lie inside or beside each
/// other, without which viewers draw nonsense.
inline void expect_trace_format(const nlohmann::json& trace) {
  ASSERT_TRUE(trace.is_object());
  ASSERT_TRUE(trace.at("traceEvents").is_array());
  EXPECT_TRUE(trace.at("displayTimeUnit") == "ms" || trace.at("displayTimeUnit") == "ns");
  EXPECT_TRUE(trace.at("otherData").is_object());
  std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> tracks;
  std::map<int, int> named;
  for (const auto& event : trace.at("traceEvents")) {
    SCOPED_TRACE(event.dump());
    ASSERT_TRUE(event.is_object());
    ASSERT_TRUE(event.at("name").is_string());
    ASSERT_TRUE(event.at("ph").is_string());
    ASSERT_TRUE(event.at("pid").is_number_integer());
    ASSERT_TRUE(event.at("tid").is_number_integer());
    if (event.contains("args")) {
      ASSERT_TRUE(event.at("args").is_object());
    }
    const std::string phase = event.at("ph"), name = event.at("name");
    if (phase == "M") {
      const auto& arguments = event.at("args");
      if (name == "process_name" || name == "thread_name") {
        EXPECT_TRUE(arguments.at("name").is_string());
        ++named[event.at("pid")];
      } else {
        EXPECT_EQ(name, "process_sort_index");
        EXPECT_TRUE(arguments.at("sort_index").is_number_integer());
      }
      continue;
    }
    ASSERT_TRUE(event.at("ts").is_number());
    EXPECT_TRUE(event.at("cat").is_string());
    EXPECT_GE(event.at("ts").get<double>(), 0);
    if (phase == "i") {
      const std::string scope = event.at("s");
      EXPECT_TRUE(scope == "t" || scope == "p" || scope == "g");
      continue;
    }
    ASSERT_EQ(phase, "X");
    ASSERT_TRUE(event.at("dur").is_number());
    EXPECT_GE(event.at("dur").get<double>(), 0);
    const double begin = event.at("ts");
    tracks[{event.at("pid"), event.at("tid")}].emplace_back(begin, begin + event.at("dur").get<double>());
  }
  for (auto& [track, intervals] : tracks) {
    EXPECT_EQ(named[track.first], 3) << "names of process " << track.first << " and its two tracks";
    std::sort(intervals.begin(), intervals.end(), [](const auto& a, const auto& b) {
      return a.first < b.first || (a.first == b.first && a.second > b.second);
    });
    std::vector<double> open;  // ends of the events that are running
    for (const auto& [begin, end] : intervals) {
      constexpr double kRounding = 0.01;  // us
      while (!open.empty() && open.back() <= begin + kRounding) open.pop_back();
      if (!open.empty()) {
        EXPECT_LE(end, open.back() + kRounding) << "process " << track.first << ", track " << track.second;
      }
      open.push_back(end);
    }
  }
}

/// A bucket is on the wire on all ranks at one moment at least: what aligned clocks must show.
inline void expect_buckets_meet(const nlohmann::json& trace) {
  std::map<std::pair<std::int64_t, std::string>, std::pair<double, double>> latest_start_earliest_end;
  double error_us = 1;
  for (const auto& clock : trace.at("otherData").at("clocks")) {
    error_us +=
        1e-3 * std::max(clock.at("first").at("error_ns").get<double>(), clock.at("last").at("error_ns").get<double>());
  }
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X" || event.at("cat") != "comm") continue;
    const std::pair<std::int64_t, std::string> key(event.at("args").at("step"), event.at("name"));
    const double begin = event.at("ts"), end = begin + event.at("dur").get<double>();
    auto [place, is_new] = latest_start_earliest_end.try_emplace(key, begin, end);
    place->second.first = std::max(place->second.first, begin);
    place->second.second = std::min(place->second.second, end);
  }
  EXPECT_FALSE(latest_start_earliest_end.empty());
  for (const auto& [key, times] : latest_start_earliest_end) {
    EXPECT_LE(times.first, times.second + error_us) << "step " << key.first << ", " << key.second;
  }
}

}  // namespace rensa::testing
