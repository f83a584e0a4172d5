#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa::testing {

/// One thing that every communicator does, asked of one rank among its peers: called on all ranks together. Where a
/// dtype matters it is part of the name ("all_reduce_float16"), and each is a check of its own.
struct ConformanceCheck {
  std::string name;
  std::function<void(Communicator& comm)> run;
  bool nccl_does_it = true;  ///< NCCL itself; its simulation does all
  bool for_gpus = true;      ///< false: only of arrays on the host
};

/// What ChainerMN's users rely on (checks 1 to 11 of how it was tested), for any communicator, transport and number of
/// ranks: threads in tests/comm, processes in tests/mpi.
const std::vector<ConformanceCheck>& conformance_checks();

/// The numbers of those that are for arrays on GPUs too.
std::vector<std::size_t> conformance_checks_for_gpus();

/// Those of arrays, of messages, of started messages, of models and objects, and of batch normalization over ranks:
/// conformance_checks() is all of them.
std::vector<ConformanceCheck> array_checks();
std::vector<ConformanceCheck> message_checks();
std::vector<ConformanceCheck> started_message_checks();
std::vector<ConformanceCheck> model_checks();
std::vector<ConformanceCheck> normalization_checks();

/// A check for each dtype.
std::vector<ConformanceCheck> for_each_dtype(const std::string& name, const std::vector<Dtype>& dtypes,
                                             void (*run)(Communicator& comm, Dtype dtype));

/// Whether a communicator of that name exists for such a cluster.
bool suits(const std::string& name, const RankPlace& place);

/// The names that some cluster suits.
const std::vector<std::string>& conforming_names();

}  // namespace rensa::testing
