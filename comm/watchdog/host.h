#pragma once

#include <cstdint>
#include <string>

#include "comm/watchdog/report.h"

namespace rensa::watchdog {

/// This process's seat, without a port.
Seat own_seat(int rank, int node);

/// Ends the process of that seat at once, even if it is stopped. Does nothing unless it is on this host and still the
/// same process.
void kill_process(const Seat& seat);

}  // namespace rensa::watchdog
