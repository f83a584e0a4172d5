#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "comm/gpu/gpu_transport.h"
#include "comm/gpu/nccl_connection.h"
#include "comm/gpu/staged_transport.h"
#include "core/device/gpu/stream.h"

namespace rensa {

/// Messages between two GPUs through NCCL. Each direction has an NCCL communicator of two ranks and a stream of its
/// own, so that messages that cross do not wait for each other, nor for collectives. It is joined behind the first
/// message, which goes by way of the host, as all do until both are there.
///
/// A word on the host goes ahead of every message: it matches tags, and tells shape and way. The sender's host and
/// stream go on at once, because a copy is sent; the receiver's host waits until the sender has called send(), its
/// stream for the elements.
class NcclMessages final : public GpuMessages {
 public:
  explicit NcclMessages(Communicator& owner) : GpuMessages(owner), staged_(owner) {}

  void send(const Array& data, int destination, int tag) override;
  /// Throws CommError for another size or dtype, and for messages that NCCL has brought in another order than they are
  /// asked for.
  void recv(const Array& data, int source, int tag) override;

 private:
  struct Link {
    nccl::UniqueId id{};
    std::optional<gpu::OwnedStream> stream;
    std::unique_ptr<nccl::Connection> connection;
    std::uint64_t messages = 0;  ///< that went through NCCL
  };
  void join(Link& link, int rank, Device device) const;
  /// What goes ahead of the next message, packed. Throws CommError for an array of the host.
  std::string recv_header(int source, int tag) const;
  /// The elements of the next message of NCCL.
  static void recv_from(Link& link, const Array& data, int source);

  /// The other rank, and whether the messages are the library's own: they come in another order than the program's.
  using Way = std::pair<int, bool>;
  static Way way(int peer, int tag) { return {peer, tag == kLibraryTag}; }

  StagedMessages staged_;
  std::map<Way, Link> to_, from_;
};

}  // namespace rensa
