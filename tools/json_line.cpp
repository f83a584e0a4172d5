#include "tools/json_line.h"

#include <iostream>
#include <nlohmann/json.hpp>

namespace rensa::tools {
namespace {

template <class Json>
std::string text_of(const Json& result, int indent) {
  return result.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string json_text(const nlohmann::json& result, int indent) { return text_of(result, indent); }
std::string json_text(const nlohmann::ordered_json& result, int indent) { return text_of(result, indent); }

void print_json_line(const nlohmann::json& result) { std::cout << json_text(result) << std::endl; }

}  // namespace rensa::tools
