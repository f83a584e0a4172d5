#include "comm/job.h"

#include <cstdio>
#include <exception>

namespace rensa {

int run_job(const CommunicatorOptions& options, const std::function<void(Communicator&)>& work) {
  const std::unique_ptr<Communicator> comm = create_communicator(options);
  try {
    work(*comm);
    return 0;
  } catch (const std::exception& e) {
    if (comm->size() > 1) comm->abort(e.what());
    std::fprintf(stderr, "rensa: %s\n", e.what());
    return 1;
  }
}

}  // namespace rensa
