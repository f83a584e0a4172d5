#pragma once

namespace rensa::tools {

/// `rensa export`: the weights of a network from one file format to another.
int export_command(int argc, char** argv);

}  // namespace rensa::tools
