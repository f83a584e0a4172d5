#pragma once

namespace rensa::tools {

/// `rensa data KIND …`: makes data sets. argv[0] is "data". Returns 0, 1 (failed) or 2 (wrong usage).
int data_command(int argc, char** argv);

}  // namespace rensa::tools
