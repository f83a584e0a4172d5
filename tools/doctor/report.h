#pragma once

#include <iosfwd>
#include <vector>

#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

/// A line for each check, below it each finding with its remedy, and a line with the counts.
void write_text(std::ostream& out, const Facts& facts, const std::vector<CheckResult>& results);

/// One line: {"ranks", "hosts", "status", "checks": [{"name", "status", "summary", "findings": [{"severity", "where",
/// "found", "remedy"}]}]}. A status is "fine", "warning" or "error".
void write_json(std::ostream& out, const Facts& facts, const std::vector<CheckResult>& results);

}  // namespace rensa::tools::doctor
