#pragma once

namespace rensa::tools {

/// `rensa predict`: returns 0, 1 (failed) or 2 (wrong usage).
int predict_command(int argc, char** argv);

}  // namespace rensa::tools
