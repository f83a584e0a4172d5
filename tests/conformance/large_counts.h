#pragma once

#include <vector>

#include "tests/conformance/conformance.h"

namespace rensa::testing {

/// Arrays, messages and objects of more than 2^31 one-byte elements, every element looked at. Two ranks need 12 GiB
/// together.
const std::vector<ConformanceCheck>& large_count_checks();

/// Whether the machine has the memory for large_count_checks(), on all ranks alike. A call on all ranks together.
bool has_memory_for_large_counts(Communicator& comm);

}  // namespace rensa::testing
