#pragma once

#include <nlohmann/json_fwd.hpp>

namespace rensa::tools {

/// Prints a result on a line of its own, at once.
void print_json_line(const nlohmann::json& result);

}  // namespace rensa::tools
