#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "comm/communicators/communicator.h"
#include "comm/shm/group.h"

namespace rensa::shm {

/// Memory that processes of a node share. It has no name in any file system: the first rank makes it, the others open
/// its descriptor through /proc, and it is gone with the last process that maps it, however that ends.
class Segment {
 public:
  /// Maps `bytes` zeroed bytes on every rank of `comm`, whose ranks are on one node. A call on all ranks together. Null
  /// on every rank if the system does not let one of them.
  static std::shared_ptr<Segment> create(Communicator& comm, std::size_t bytes);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

  /// How other ranks may call a place: its address in this process and, if it lies in a segment, where there.
  static Address publish(const void* data, std::size_t bytes);
  /// Where a published place lies in this process; null if it is in no segment that is mapped here.
  static std::byte* reach(const Address& address);

 private:
  Segment(std::uint64_t id, std::byte* data, std::size_t bytes);

  const std::uint64_t id_;  ///< the same in every process
  std::byte* const data_;
  const std::size_t bytes_;
};

}  // namespace rensa::shm
