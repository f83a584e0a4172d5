#pragma once

namespace rensa::tools {

/// `rensa inspect KIND …`: argv[0] is "inspect". Returns 0, 1 (failed) or 2 (wrong usage).
int inspect_command(int argc, char** argv);

}  // namespace rensa::tools
