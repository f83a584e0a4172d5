#pragma once

namespace rensa::tools {

/// `rensa doctor`: returns 0 (nothing found), 1 (warnings) or 2 (errors, or wrong usage), the same on all ranks.
int doctor_command(int argc, char** argv);

}  // namespace rensa::tools
