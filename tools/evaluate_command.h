#pragma once

namespace rensa::tools {

/// `rensa evaluate`: returns 0, 1 (failed) or 2 (wrong usage).
int evaluate_command(int argc, char** argv);

}  // namespace rensa::tools
