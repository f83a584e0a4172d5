#include "comm/communicators/create_communicator.h"

#include <cstdlib>

#include "comm/communicators/naive_communicator.h"
#include "comm/self/self_communicator.h"
#include "core/error.h"

namespace rensa {
namespace {

/// Open MPI, MPICH and Slurm's launchers each leave a mark in the environment.
bool started_by_launcher() {
  for (const char* mark : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"}) {
    if (std::getenv(mark)) return true;
  }
  return false;
}

}  // namespace

const std::vector<std::string>& communicator_names() {
  static const std::vector<std::string> names = {"auto", "flat", "naive", "self"};
  return names;
}

std::unique_ptr<Communicator> create_communicator(const CommunicatorOptions& options) {
  const std::string& name = options.name;
  if (name == "self") return std::make_unique<SelfCommunicator>();
  if (name == "naive") return std::make_unique<NaiveCommunicator>(mpi::create_transport(options.mpi_comm));
  if (name == "flat") return mpi::create_transport(options.mpi_comm);
  if (name == "auto") {
    const bool many = options.mpi_comm != nullptr || started_by_launcher();
    if (many) return mpi::create_transport(options.mpi_comm);
    return std::make_unique<SelfCommunicator>();
  }
  std::string known;
  for (const std::string& each : communicator_names()) known += (known.empty() ? "" : ", ") + each;
  throw ValueError("communicator \"", name, "\" is unknown, expected one of: ", known, ".");
}

std::unique_ptr<Communicator> create_communicator(const std::string& name) {
  return create_communicator(CommunicatorOptions{.name = name});
}

}  // namespace rensa
