#pragma once

namespace rensa::tools {

/// `rensa train`: returns 0, 1 (failed), 2 (wrong usage) or kStatusResumeMe (75: stopped by a signal, snapshot made).
int train_command(int argc, char** argv);

}  // namespace rensa::tools
