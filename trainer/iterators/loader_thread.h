#pragma once

#include <functional>
#include <thread>

namespace rensa {

/// Starts a thread that runs `work` beside the compute threads: it takes no signals, which stay with the main thread,
/// and parallel regions of OpenMP run on it without a team. `name` (up to 15 characters) is what debuggers show. Throws
/// std::system_error if the system gives no thread.
std::thread loader_thread(const char* name, std::function<void()> work);

}  // namespace rensa
