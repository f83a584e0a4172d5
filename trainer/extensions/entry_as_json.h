#pragma once

#include <nlohmann/json.hpp>

#include "trainer/extensions/log_report.h"

namespace rensa {

/// Counts stay whole numbers; what JSON cannot say (infinite, not a number) becomes null.
nlohmann::json as_json(const LogReport::Entry& entry);

}  // namespace rensa
