#pragma once

namespace rensa::tools {

/// `rensa train`: returns 0, 1 (failed) or 2 (wrong usage).
int train_command(int argc, char** argv);

}  // namespace rensa::tools
