#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rensa::tools::doctor {

/// An interface of a host that is up, with one of its addresses.
struct InterfaceFacts {
  std::string name, address;  ///< "eth0", "10.77.0.1"
  std::string network;        ///< "10.77.0.0/24"
  bool loopback = false;
  bool bridge = false;            ///< of containers or virtual machines
  std::int64_t sent_bytes = 0;    ///< while the ranks passed messages around
  std::int64_t speed_mbit_s = 0;  ///< 0: the kernel does not know
};

/// What one rank knows of itself and its host. Checks look at these alone, so that they can be asked about any cluster.
struct RankFacts {
  int rank = 0;
  std::string host;

  // Who started it, and what MPI thinks.
  std::string launcher;  ///< empty: a plain start
  int launcher_rank = 0, launcher_size = 1;
  std::string mpi_library;  ///< empty: built without MPI
  int mpi_size = 1;
  std::string thread_level = "MPI_THREAD_MULTIPLE";
  bool has_all_threads = true;
  std::string cuda_aware = "unknown";
  int gpus = 0;              ///< that the host's driver lists
  int cuda_devices = 0;      ///< that CUDA gives this rank
  std::string cuda_problem;  ///< why it gives none; empty: it does, or there is no GPU
  std::string nccl;          ///< "2.28.9"; empty: none
  std::string nccl_problem;  ///< why there is none

  // Where it may compute.
  std::vector<int> cores;  ///< of its affinity mask
  int host_cores = 1;      ///< switched on, whether it may use them or not
  double core_quota = 0;   ///< of its control group; 0: none
  int wanted_threads = 0;  ///< OMP_NUM_THREADS; 0: Rensa chooses

  std::map<std::string, std::string> versions;  ///< library_versions(), "MPI" and "files" (a checksum)
  std::map<std::string, std::string> settings;  ///< environment variables that choose networks or make fork safe
  std::vector<InterfaceFacts> interfaces;
  bool infiniband = false;
  std::int64_t shm_total_bytes = 0, shm_free_bytes = 0;  ///< of /dev/shm; total 0: there is none
  std::int64_t memory_free_bytes = 0;                    ///< that the host has and the control group allows; 0: unknown
  double clock_ahead_s = 0, clock_uncertainty_s = 0;     ///< against rank 0
  std::map<std::string, std::int64_t> limits;  ///< "nofile", "memlock" (bytes), "stack" (bytes), "nproc"; -1: unlimited
};

/// As JSON, in which ranks send it to each other.
std::string to_text(const RankFacts& facts);
RankFacts facts_from_text(const std::string& text);

/// What can be known without MPI. Launcher, host, cores, versions, settings, interfaces, memory and limits.
RankFacts collect_local_facts();

/// Bytes sent so far through each interface of this host.
std::map<std::string, std::int64_t> sent_bytes_of_interfaces();

/// The interfaces that are up, an entry for each address.
std::vector<InterfaceFacts> list_interfaces();

/// A checksum of the running program and of the Rensa libraries it has loaded: ranks with equal versions may still run
/// files that were built at different times.
std::string checksum_of_files();

}  // namespace rensa::tools::doctor
