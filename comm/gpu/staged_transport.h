#pragma once

#include "comm/gpu/gpu_transport.h"

namespace rensa {

/// Arrays on GPUs by way of pinned memory of the host: down, the host's own call, up again. Long ones go in pieces, so
/// that one piece is on its way between the ranks while the next comes down and the one before goes up. The host waits.
class StagedTransport final : public GpuTransport {
 public:
  explicit StagedTransport(Communicator& owner) : GpuTransport(owner) {}

  void all_reduce(const Array& data, Reduce op) override;
  void reduce(const Array& data, int root, Reduce op) override;
  void broadcast(const Array& data, int root) override;
  void reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void all_gather(const Array& in, const Array& out) override;
  void gather(const Array& in, const Array& out, int root) override;
  void scatter(const Array& in, const Array& out, int root) override;
  void all_to_all(const Array& in, const Array& out) override;
};

class StagedMessages final : public GpuMessages {
 public:
  explicit StagedMessages(Communicator& owner) : GpuMessages(owner) {}
  void send(const Array& data, int destination, int tag) override;
  void recv(const Array& data, int source, int tag) override;
};

}  // namespace rensa
