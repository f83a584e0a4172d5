#include "tools/bench/comm_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.h"

namespace rensa::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

CommRow row() {
  CommRow r;
  r.collective = "all_reduce";
  r.communicator = "flat";
  r.memory = "ordinary";
  r.dtype = "float32";
  r.op = "sum";
  r.ranks = 4;
  r.bytes = 4'000'000;
  r.count = 1'000'000;
  r.bus_factor = 1.5;
  r.in_place = CommRow::Placement{.us = {{900, 1000, 1300}}, .wrong = 3};
  return r;
}

TEST(CommTableTest, ALineHasTheColumnsOfNcclTestsThenTheSpread) {
  std::istringstream line(table_line(row()));
  const std::vector<std::string> words{std::istream_iterator<std::string>(line), {}};
  EXPECT_THAT(words, ElementsAre("4000000", "1000000", "float32", "sum", "-1", "N/A", "N/A", "N/A", "N/A", "1000.0",
                                 "4.00", "6.00", "3", "N/A", "900.0-1300.0"));
}

TEST(CommTableTest, JsonHasEveryTime) {
  const nlohmann::json json = json_line(row());
  EXPECT_TRUE(json["out_of_place"].is_null());
  EXPECT_EQ(json["in_place"]["times_us"], (std::vector<double>{900, 1000, 1300}));
  EXPECT_EQ(json["in_place"]["wrong"], 3);
  EXPECT_DOUBLE_EQ(json["in_place"]["busbw"], 6);
}

TEST(CommTableTest, ThePageHasACurveForEachCommunicator) {
  CommRow other = row();
  other.communicator = "naive";
  const std::string page = bandwidth_page({row(), other});
  EXPECT_THAT(page, AllOf(HasSubstr("all_reduce: bus bandwidth"), HasSubstr("flat (last 6)"),
                          HasSubstr("naive (last 6)"), HasSubstr("3.815 MiB"), Not(HasSubstr("http"))));
}

TEST(CommTableTest, ReadsSizes) {
  EXPECT_EQ(bytes_of_text("4"), 4);
  EXPECT_EQ(bytes_of_text("64K"), 65536);
  EXPECT_EQ(bytes_of_text("1G"), 1 << 30);
  for (const char* bad : {"", "0", "-4", "4Q", "M", "4 K"}) EXPECT_THROW(bytes_of_text(bad), ConfigError) << bad;
}

}  // namespace
}  // namespace rensa::tools
