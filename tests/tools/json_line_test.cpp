#include "tools/json_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rensa::tools {
namespace {

TEST(JsonLineTest, BytesThatAreNotUtf8AreReplaced) {
  const std::string name = "caf\xe9 für.jpg", shown = "caf\xef\xbf\xbd für.jpg";
  EXPECT_EQ(json_text(nlohmann::json{{"file", name}}), "{\"file\":\"" + shown + "\"}");
  EXPECT_EQ(json_text(nlohmann::ordered_json{{"file", name}, {"class", "a"}}),
            "{\"file\":\"" + shown + "\",\"class\":\"a\"}");
}

}  // namespace
}  // namespace rensa::tools
