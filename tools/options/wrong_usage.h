#pragma once

#include <exception>
#include <string_view>

namespace rensa::tools {

/// Most launchers kill all ranks of a job as soon as one has ended. A rank that is about to end because of what others
/// have found as well, and leaves it to one of them to say so, gives it two seconds here.
void wait_for_the_speaking_rank();

/// Says on standard error what is wrong with the command line of `command`, such as "train" ("": of rensa itself);
/// returns the status of wrong usage, 2.
///
/// The ranks of a job read the same line and fail alike: rank 0 speaks at once, and the others wait for it. Who is
/// still alive then was not spoken for, because its own host alone lacks a file, say, and speaks for itself with its
/// rank.
int wrong_usage(std::string_view command, const std::exception& error);

}  // namespace rensa::tools
