#pragma once

#include "comm/gpu/gpu_transport.h"
#include "comm/gpu/staged_transport.h"

namespace rensa {

/// Arrays on GPUs through an MPI that takes addresses on a device. The host waits for the stream before each call.
///
/// MPI only moves: sums of floating arrays are made here, on the GPU, from every rank's part, because such MPIs sum on
/// the host. Other reductions are staged.
class DirectTransport final : public GpuTransport {
 public:
  explicit DirectTransport(Communicator& owner) : GpuTransport(owner), staged_(owner) {}

  void all_reduce(const Array& data, Reduce op) override;
  void reduce(const Array& data, int root, Reduce op) override;
  void broadcast(const Array& data, int root) override;
  void reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void all_gather(const Array& in, const Array& out) override;
  void gather(const Array& in, const Array& out, int root) override;
  void scatter(const Array& in, const Array& out, int root) override;
  void all_to_all(const Array& in, const Array& out) override;

 private:
  StagedTransport staged_;
};

class DirectMessages final : public GpuMessages {
 public:
  explicit DirectMessages(Communicator& owner) : GpuMessages(owner) {}
  void send(const Array& data, int destination, int tag) override;
  void recv(const Array& data, int source, int tag) override;
};

}  // namespace rensa
