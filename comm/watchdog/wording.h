#pragma once

#include <string>

#include "comm/watchdog/report.h"

namespace rensa::watchdog {

double seconds_between(Clock::time_point from, Clock::time_point to);
/// "5.2 s".
std::string in_seconds(double seconds);
/// "all_reduce #17 of 1000 float32 (3.9 KiB)"; calls between two ranks have no number.
std::string numbered(const Call& call, std::uint64_t number);

}  // namespace rensa::watchdog
