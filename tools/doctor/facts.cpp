#include "tools/doctor/facts.h"

#include <nlohmann/json.hpp>

namespace rensa::tools::doctor {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InterfaceFacts, name, address, network, loopback, bridge, sent_bytes, speed_mbit_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankFacts, rank, host, launcher, launcher_rank, launcher_size, mpi_library, mpi_size,
                                   thread_level, has_all_threads, cuda_aware, gpus, cuda_devices, cuda_problem, nccl,
                                   nccl_problem, cores, host_cores, core_quota, wanted_threads, versions, settings,
                                   interfaces, infiniband, shm_total_bytes, shm_free_bytes, memory_free_bytes,
                                   clock_ahead_s, clock_uncertainty_s, limits)

std::string to_text(const RankFacts& facts) { return nlohmann::json(facts).dump(); }

RankFacts facts_from_text(const std::string& text) { return nlohmann::json::parse(text).get<RankFacts>(); }

}  // namespace rensa::tools::doctor
