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

/// Ends this process without destructors: other threads may be stuck in MPI. What was printed is kept if that takes no
/// waiting.
[[noreturn]] void end_process(int status);

}  // namespace rensa::watchdog
