#pragma once

#include <functional>

#include "comm/communicators/create_communicator.h"

namespace rensa {

/// Runs a program's work on every rank and returns its exit status: 0, or 1 if `work` threw on a rank alone in its job
/// or the communicator could not be made; then the reason is on standard error. In a job of several ranks an exception
/// ends all of them at once, with rank, host and reason on standard error: the others would wait for it forever. So a
/// rank that a launcher has started ends with status 1 where its communicator cannot be made, without returning.
int run_job(const CommunicatorOptions& options, const std::function<void(Communicator&)>& work);

}  // namespace rensa
