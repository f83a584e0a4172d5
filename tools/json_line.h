#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace rensa::tools {

/// JSON whatever bytes its texts have: names of files need not be UTF-8, and what is not becomes U+FFFD. `indent`: -1:
/// all on one line.
/// @{
std::string json_text(const nlohmann::json& result, int indent = -1);
std::string json_text(const nlohmann::ordered_json& result, int indent = -1);
/// @}

/// Prints a result on a line of its own, at once.
void print_json_line(const nlohmann::json& result);

}  // namespace rensa::tools
