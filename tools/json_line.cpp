#include "tools/json_line.h"

#include <iostream>
#include <nlohmann/json.hpp>

namespace rensa::tools {

void print_json_line(const nlohmann::json& result) { std::cout << result << std::endl; }

}  // namespace rensa::tools
