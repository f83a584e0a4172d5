#pragma once

#include <vector>

#include "comm/communicators/communicator.h"
#include "trainer/stragglers/judge.h"

namespace rensa::stragglers {

/// Times messages of `bytes` there and back between neighbours in the ring of ranks, one pair after another so that
/// they do not meet; the quickest of `rounds`. The links of all ranks, on every rank. A call on all ranks together.
std::vector<LinkTime> probe_links(Communicator& comm, std::int64_t bytes = 1 << 19, int rounds = 7);

}  // namespace rensa::stragglers
