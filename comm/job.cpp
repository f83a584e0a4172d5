#include "comm/job.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "comm/launcher.h"

namespace rensa {

int run_job(const CommunicatorOptions& options, const std::function<void(Communicator&)>& work) {
  std::unique_ptr<Communicator> comm;
  try {
    comm = create_communicator(options);
    work(*comm);
    return 0;
  } catch (const std::exception& e) {
    if (comm && comm->size() > 1) comm->abort(e.what());
    std::fprintf(stderr, "rensa: %s\n", e.what());
    // exit() calls MPI_Finalize, which would wait for ranks that wait for this one. A launcher ends the job when a rank
    // goes without it.
    if (!comm && detect_launcher().started_ranks()) {
      std::fflush(nullptr);
      std::_Exit(1);
    }
    return 1;
  }
}

}  // namespace rensa
