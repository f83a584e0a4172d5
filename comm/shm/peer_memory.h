#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa::shm {

/// Reads the memory of the other processes of a node through the kernel (process_vm_readv): one copy, where a staging
/// area takes two. Systems may forbid it (Yama's ptrace_scope, a container's seccomp filter); it is tried at the start.
/// RENSA_PEER_MEMORY=off in the environment of any rank does without.
class PeerMemory {
 public:
  /// A call on all ranks of `comm`, which are on one node, together.
  explicit PeerMemory(Communicator& comm);
  /// The same on every rank: whether each of them could read from each.
  bool can_read() const { return can_read_; }
  /// Throws CommError if the system refuses, for instance because the process is gone.
  void read(int rank, std::uint64_t address, void* to, std::size_t bytes) const;

 private:
  bool try_read(int rank, std::uint64_t address, void* to, std::size_t bytes) const;

  std::vector<pid_t> processes_;
  bool can_read_ = false;
};

}  // namespace rensa::shm
