#include "comm/communicators/create_communicator.h"

#include <algorithm>
#include <cstdlib>

#include "comm/communicators/auto_communicator.h"
#include "comm/communicators/dummy_communicator.h"
#include "comm/communicators/hierarchical_communicator.h"
#include "comm/communicators/naive_communicator.h"
#include "comm/communicators/pure_nccl_communicator.h"
#include "comm/communicators/two_dimensional_communicator.h"
#include "comm/launcher.h"
#include "comm/self/self_communicator.h"
#include "comm/watchdog/watchdog.h"
#include "core/error.h"

namespace rensa {
double seconds_from_environment(const char* name, double fallback) {
  const char* const text = std::getenv(name);
  if (!text) return fallback;
  char* end = nullptr;
  const double seconds = std::strtod(text, &end);
  if (end == text || *end != 0 || !(seconds >= 0)) {
    throw ValueError(name, "=", text, ": expected a number of seconds, 0 or more.");
  }
  return seconds;
}

const std::vector<std::string>& communicator_names() {
  static const std::vector<std::string> names = {"auto",        "flat",  "hierarchical",   "two_dimensional",
                                                 "single_node", "naive", "non_cuda_aware", "pure_nccl",
                                                 "dummy",       "self"};
  return names;
}

namespace {

std::unique_ptr<Communicator> single_node(std::unique_ptr<Communicator> whole) {
  if (whole->inter_size() > 1) {
    throw CommError("single_node: the ranks are on ", whole->inter_size(),
                    " nodes, expected one. Use hierarchical, two_dimensional or auto.");
  }
  auto node = whole->split_by_node();
  node->carry_gpu_arrays(GpuWay::kNccl);
  return node;
}

std::unique_ptr<Communicator> quickest(std::unique_ptr<Communicator> whole, bool deterministic) {
  const bool one_node = whole->inter_size() == 1;
  if (one_node || whole->inter_size() == whole->size()) {  // one rank a node: nothing to choose from
    auto only = one_node ? single_node(std::move(whole)) : std::move(whole);
    only->carry_gpu_arrays(GpuWay::kQuickest);
    return only;
  }
  return std::make_unique<AutoCommunicator>(std::move(whole), deterministic);
}

}  // namespace

std::unique_ptr<Communicator> compose_communicator(const std::string& name, std::unique_ptr<Communicator> whole,
                                                   bool deterministic) {
  if (name == "auto") return quickest(std::move(whole), deterministic);
  if (name == "flat") return whole;
  if (name == "hierarchical") return std::make_unique<HierarchicalCommunicator>(std::move(whole));
  if (name == "two_dimensional") return std::make_unique<TwoDimensionalCommunicator>(std::move(whole));
  if (name == "single_node") return single_node(std::move(whole));
  if (name == "naive") return std::make_unique<NaiveCommunicator>(std::move(whole));
  if (name == "non_cuda_aware") return std::make_unique<HierarchicalCommunicator>(std::move(whole), "non_cuda_aware");
  if (name == "pure_nccl") {
    PureNcclCommunicator::check_that_all_have_it(*whole);
    return std::make_unique<PureNcclCommunicator>(std::move(whole));
  }
  if (name == "dummy") return std::make_unique<DummyCommunicator>(std::move(whole));
  throw ValueError("communicator \"", name, "\" is unknown, expected one of: ", detail::list(communicator_names()),
                   ".");
}

namespace {
std::shared_ptr<Watchdog> start_watchdog(Communicator& transport, const CommunicatorOptions& options) {
  if (options.heartbeat_timeout_s <= 0) return nullptr;
  auto dog =
      Watchdog::start(transport, {.limits = {.heartbeat_s = options.heartbeat_timeout_s, .call_s = options.timeout_s}});
  if (dog) transport.watch(Watch::first(dog, /*composed=*/false));
  return dog;
}
}  // namespace

std::unique_ptr<Communicator> create_communicator(const CommunicatorOptions& options) {
  if (!(options.timeout_s > 0)) {
    throw ValueError("a communicator's time limit is ", options.timeout_s, " s, expected above 0.");
  }
  const auto& names = communicator_names();
  const bool known = std::find(names.begin(), names.end(), options.name) != names.end();
  const bool alone =
      options.name == "self" || (options.name == "auto" && !options.mpi_comm && !detect_launcher().started_ranks());
  std::unique_ptr<Communicator> comm;
  if (alone) {
    comm = std::make_unique<SelfCommunicator>();
  } else {
    // an unknown name is refused before MPI is started for it
    auto transport = known ? mpi::create_transport(options.mpi_comm, options.timeout_s) : nullptr;
    const auto dog = transport ? start_watchdog(*transport, options) : nullptr;
    comm = compose_communicator(options.name, std::move(transport), options.deterministic);
    if (dog) comm->watch(Watch::first(dog, /*composed=*/true));
  }
  comm->config().set("allreduce_grad_dtype", options.allreduce_grad_dtype);
  return comm;
}

}  // namespace rensa
