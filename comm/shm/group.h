#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "comm/communicators/communicator.h"
#include "comm/shm/meeting.h"

namespace rensa::shm {

/// Bytes of one of a rank's two staging areas: small enough that what passes through stays in the second-level cache.
inline constexpr std::size_t kStagingBytes = std::size_t{512} << 10;

/// Ranks that share memory: the threads of a process, or the processes of a node. Each rank has a Group of its own.
class Group {
 public:
  virtual ~Group() = default;

  virtual const RankPlace& place() const = 0;
  virtual double timeout_s() const = 0;
  virtual Meeting& meeting() = 0;
  /// The staging area of rank `r` for rounds of that parity: written by its rank, read by all.
  virtual std::byte* staging(int r, int parity) = 0;

  /// What the others need to find `data`, if they can.
  virtual Address publish(const void* data, std::size_t bytes) const = 0;
  /// Where a published address lies for this rank; null if it cannot be reached.
  virtual std::byte* reach(const Address& address) const = 0;
  /// True if every published address can be reached by every rank, always.
  virtual bool reaches_everything() const = 0;
  /// The same on every rank: whether each of them can read the arrays of each, wherever they lie.
  virtual bool can_pull() const = 0;
  /// Copies `bytes` bytes, `offset` bytes behind the address that rank `r` published, to `to`.
  virtual void pull(int r, const Address& from, std::size_t offset, void* to, std::size_t bytes) = 0;
  virtual Array allocate(std::int64_t count, Dtype dtype) = 0;  ///< Communicator::allocate_shared

  virtual void send(const Array& data, int destination, int tag) = 0;
  virtual void recv(const Array& data, int source, int tag) = 0;
  virtual Work start_send(const Array& data, int destination, int tag) = 0;
  virtual Work start_recv(const Array& data, int source, int tag) = 0;
  virtual void send_bytes(const std::string& bytes, int destination, int tag) = 0;
  virtual Message recv_bytes(int source, int tag) = 0;

  /// The group of the ranks that gave `color`; null if it is negative. A call on all ranks together.
  virtual std::unique_ptr<Group> split(int color, int key) = 0;
  virtual std::unique_ptr<Group> split_by_node() = 0;
  [[noreturn]] virtual void abort(int status) = 0;
};

}  // namespace rensa::shm
