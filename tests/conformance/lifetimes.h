#pragma once

#include <functional>

#include "comm/communicators/communicator.h"

namespace rensa::testing {

/// Every kind of call of a communicator that holds something for a while: short and long arrays, bytes, a thread of its
/// own, shared memory, communicators split from it.
void use_everything(Communicator& comm);

/// Runs `cycle` until what it leaves behind has settled, then `cycles` times more; expects that this process then holds
/// no more descriptors, threads and memory than before. A call on all ranks of `job` together; `looks`: this rank is to
/// look (one of a process's).
void expect_nothing_is_left(Communicator& job, bool looks, int cycles, const std::function<void()>& cycle);

}  // namespace rensa::testing
