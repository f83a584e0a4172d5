#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicators/communicator.h"
#include "comm/communicators/mpi_handle.h"

namespace rensa {

/// Seconds that the environment variable `name` holds, or `fallback`. Throws ValueError if it is not a number.
double seconds_from_environment(const char* name, double fallback);

/// Which communicator, over which processes, and how long it waits.
struct CommunicatorOptions {
  /// "auto"              the quickest for this cluster; one rank alone if no launcher started the program
  /// "flat"              all ranks alike, through MPI
  /// "hierarchical"      first ranks of the nodes between nodes, shared memory inside; nodes may differ in size
  /// "two_dimensional"   all ranks between nodes, each with its slice; nodes of equal size
  /// "single_node"       shared memory; refuses several nodes
  /// "naive"             the reference
  /// "non_cuda_aware"    hierarchical, with GPU arrays staged through the host between nodes
  /// "pure_nccl"         NCCL for all GPU arrays; refuses a machine without NCCL or a GPU
  /// "dummy"             reduces nothing, for measuring
  /// "self"              one rank alone
  std::string name = "auto";
  /// An MPI_Comm of the program, or its address, which is duplicated and left as it was found. None: MPI_COMM_WORLD.
  MpiHandle mpi_comm = {};
  /// How long a rank may be late for a call before the job is given up. Above 0.
  double timeout_s = seconds_from_environment("RENSA_COMM_TIMEOUT", 300);
  /// After how long a silence a process counts as lost (comm/watchdog/watchdog.h). 0: no watchdog.
  double heartbeat_timeout_s = seconds_from_environment("RENSA_HEARTBEAT_TIMEOUT", 5);
  /// "auto" measures nothing and takes a fixed rule, so that sums have the same order on every cluster like this one.
  bool deterministic = false;
  /// In which dtype gradients travel ("float16", "bfloat16" …); empty: in their own.
  std::string allreduce_grad_dtype = {};
};

/// A call on all ranks together. Throws ValueError that lists the names for an unknown one, CommError if MPI is asked
/// for and absent or if the cluster does not suit the name.
std::unique_ptr<Communicator> create_communicator(const CommunicatorOptions& options = {});
/// The same with nothing but a name. A template, so that {.name = …} is never taken for the letters of a string.
template <std::convertible_to<std::string_view> Name>
std::unique_ptr<Communicator> create_communicator(const Name& name) {
  return create_communicator(CommunicatorOptions{.name = std::string(std::string_view(name))});
}

/// The same with a name, and options of which the name is not looked at: create_communicator("flat", {.timeout_s =
/// 60}).
template <std::convertible_to<std::string_view> Name>
std::unique_ptr<Communicator> create_communicator(const Name& name, CommunicatorOptions options) {
  options.name = std::string(std::string_view(name));
  return create_communicator(options);
}

/// The communicator called `name` ("flat" gives `whole` back) of the ranks of `whole`: how transports other than MPI,
/// threads for one, get the same communicators.
std::unique_ptr<Communicator> compose_communicator(const std::string& name, std::unique_ptr<Communicator> whole,
                                                   bool deterministic = false);

/// The names that create_communicator takes.
const std::vector<std::string>& communicator_names();

namespace mpi {
/// Implemented by comm/mpi or, without MPI, by comm/mpi_absent, which throws.
std::unique_ptr<Communicator> create_transport(const MpiHandle& mpi_comm, double timeout_s);
bool available();
}  // namespace mpi

}  // namespace rensa
