#pragma once

#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa::testing {

/// One thing that every communicator does, asked of one rank among its peers: called on all ranks together.
struct ConformanceCheck {
  const char* name;
  void (*run)(Communicator& comm);
};

/// What ChainerMN's users rely on (sections 1 to 9 of how it was tested), for any communicator, transport and number of
/// ranks: threads in tests/comm, processes in tests/mpi.
const std::vector<ConformanceCheck>& conformance_checks();

/// Those of arrays, of models and objects, and of batch normalization over ranks: conformance_checks() is all of them.
std::vector<ConformanceCheck> array_checks();
std::vector<ConformanceCheck> model_checks();
std::vector<ConformanceCheck> normalization_checks();

/// Whether a communicator of that name exists for such a cluster.
bool suits(const std::string& name, const RankPlace& place);

}  // namespace rensa::testing
