#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/array/array.h"

namespace rensa::testing {

/// tests/golden/<name>.json, made by scripts/oracle. Throws std::runtime_error if it is not there.
nlohmann::json golden_file(const std::string& name);

/// {"shape": […], "data": […]} as an array.
Array golden_array(const nlohmann::json& entry, Dtype dtype = Dtype::kFloat64);

/// Passes if the shapes are equal and every element differs by at most `tolerance` × (1 + |expected|).
::testing::AssertionResult near(const Array& found, const Array& expected, double tolerance);

}  // namespace rensa::testing
