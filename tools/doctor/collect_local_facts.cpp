#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "comm/gpu/nccl_api.h"
#include "comm/host_name.h"
#include "comm/launcher.h"
#include "core/device/gpu/driver.h"
#include "core/library_versions.h"
#include "tools/doctor/facts.h"

namespace rensa::tools::doctor {
namespace {

/// Variables that decide which network MPI and NCCL take, and whether a fork is safe beside InfiniBand.
constexpr const char* kSettings[] = {"OMPI_MCA_btl_tcp_if_include",
                                     "OMPI_MCA_btl_tcp_if_exclude",
                                     "OMPI_MCA_oob_tcp_if_include",
                                     "OMPI_MCA_btl",
                                     "OMPI_MCA_pml",
                                     "PRTE_MCA_prte_if_include",
                                     "PRTE_MCA_oob_tcp_if_include",
                                     "HYDRA_IFACE",
                                     "FI_TCP_IFACE",
                                     "FI_SOCKETS_IFACE",
                                     "UCX_NET_DEVICES",
                                     "UCX_TLS",
                                     "NCCL_SOCKET_IFNAME",
                                     "RDMAV_FORK_SAFE",
                                     "IBV_FORK_SAFE",
                                     "RDMAV_HUGEPAGES_SAFE"};

int count_entries(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::directory_iterator begin(folder, error), end;
  return error ? 0 : static_cast<int>(std::distance(begin, end));
}

std::vector<int> usable_cores() {
  std::vector<int> cores;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

/// Cores that the control group grants by time (containers): cgroup 2's cpu.max, cgroup 1's two files.
double core_quota() {
  std::string quota;
  double period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu.max") >> quota >> period && quota != "max" && period > 0) {
    return std::atof(quota.c_str()) / period;
  }
  double quota_us = 0;
  const std::string v1 = "/sys/fs/cgroup/cpu/cpu.cfs_";
  if (std::ifstream(v1 + "quota_us") >> quota_us && std::ifstream(v1 + "period_us") >> period && quota_us > 0) {
    return quota_us / period;
  }
  return 0;
}

/// What processes may still take, and no more than the control group's limit (cgroup 2 or 1). How much of that limit is
/// used does not count: most of it is often files, which make room.
std::int64_t free_memory() {
  std::int64_t free = 0;
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    constexpr std::string_view kKey = "MemAvailable:";
    if (line.starts_with(kKey)) free = std::atoll(line.c_str() + kKey.size()) * 1024;
  }
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::int64_t limit = 0;
    if (std::ifstream(path) >> limit) free = std::min(free, limit);
  }
  return free;
}

std::map<std::string, std::string> settings() {
  std::map<std::string, std::string> found;
  for (const char* name : kSettings) {
    if (const char* value = std::getenv(name)) found[name] = value;
  }
  return found;
}

std::map<std::string, std::int64_t> limits() {
  constexpr std::pair<const char*, int> kLimits[] = {
      {"nofile", RLIMIT_NOFILE}, {"memlock", RLIMIT_MEMLOCK}, {"stack", RLIMIT_STACK}, {"nproc", RLIMIT_NPROC}};
  std::map<std::string, std::int64_t> found;
  for (const auto& [name, which] : kLimits) {
    rlimit limit{};
    if (getrlimit(static_cast<__rlimit_resource_t>(which), &limit) != 0) continue;
    found[name] = limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(limit.rlim_cur);
  }
  return found;
}

/// The plug-ins are opened for it, as training on a GPU does.
void ask_cuda(RankFacts& facts) {
  facts.gpus = count_entries("/proc/driver/nvidia/gpus");
  const nccl::Availability library = nccl::availability();
  if (library.version > 0)
    facts.nccl = nccl::version_text(library.version);
  else
    facts.nccl_problem = library.description;
  if (facts.gpus == 0) return;
  const gpu::Availability found = gpu::availability();
  facts.cuda_devices = found.devices;
  if (found.devices == 0) facts.cuda_problem = found.description;
}

}  // namespace

RankFacts collect_local_facts() {
  RankFacts facts;
  const Launcher launcher = detect_launcher();
  facts.host = host_name();
  facts.launcher = launcher.name;
  facts.launcher_rank = facts.rank = launcher.rank;
  facts.launcher_size = launcher.size;
  ask_cuda(facts);
  facts.cores = usable_cores();
  facts.host_cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  facts.core_quota = core_quota();
  const char* threads = std::getenv("OMP_NUM_THREADS");
  facts.wanted_threads = threads ? std::max(0, std::atoi(threads)) : 0;
  facts.versions = library_versions();
  facts.versions["files"] = checksum_of_files();
  facts.settings = settings();
  facts.interfaces = list_interfaces();
  facts.infiniband = count_entries("/sys/class/infiniband") > 0;
  struct statvfs shm{};
  if (statvfs("/dev/shm", &shm) == 0) {
    facts.shm_total_bytes = static_cast<std::int64_t>(shm.f_blocks * shm.f_frsize);
    facts.shm_free_bytes = static_cast<std::int64_t>(shm.f_bavail * shm.f_frsize);
  }
  facts.memory_free_bytes = free_memory();
  facts.limits = limits();
  return facts;
}

}  // namespace rensa::tools::doctor
