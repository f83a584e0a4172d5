#pragma once

#include <string>

namespace rensa {

/// What this host calls itself, for messages and for telling hosts apart; "an unnamed host" if it has no name.
std::string host_name();

}  // namespace rensa
