#pragma once

#include <list>
#include <memory>
#include <string>

#include "comm/gpu/gpu_transport.h"
#include "comm/gpu/nccl_connection.h"

namespace rensa {

/// How long a connection of `owner` waits, and that `watcher` ends the job when it fails. Null: nobody watches.
nccl::Connection::Options connection_options(const Communicator& owner, Watch* watcher);

/// NCCL's collectives on arrays of GPUs. A call goes into the current stream of its array's device: whoever wants it
/// beside other work makes another stream current (CommunicationThread), and every rank launches in the order of its
/// program, however many communicators there are. The host never waits for the device.
class NcclTransport final : public GpuTransport {
 public:
  /// Why these ranks cannot use NCCL together: no plug-in, versions that differ, a GPU that two of them share. Empty:
  /// they can. The same text on every rank. A call on all ranks together.
  static std::string obstacle(Communicator& owner, Device device);

  /// Joins all ranks: a call on all of them together.
  NcclTransport(Communicator& owner, Device device);
  ~NcclTransport() override;

  void all_reduce(const Array& data, Reduce op) override;
  void reduce(const Array& data, int root, Reduce op) override;
  void broadcast(const Array& data, int root) override;
  void reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void all_gather(const Array& in, const Array& out) override;
  void gather(const Array& in, const Array& out, int root) override;
  void scatter(const Array& in, const Array& out, int root) override;
  void all_to_all(const Array& in, const Array& out) override;
  bool only_enqueues() const override { return true; }
  std::shared_ptr<void> register_memory(const Array& data) override;

 private:
  void launch(const char* name, const Array& data, std::int64_t count, const nccl::Connection::Launch& call);

  std::shared_ptr<nccl::Connection> connection_;
};

}  // namespace rensa
