#pragma once

#include <memory>
#include <string>
#include <utility>

#include "comm/communicators/communicator.h"

namespace rensa {

/// What moves arrays on GPUs for a communicator, and may use the communicator's own calls for arrays of the host:
/// without checks, and without a line in its log, which holds the call that is made of them.
class BesideHost {
 public:
  virtual ~BesideHost() = default;
  BesideHost(const BesideHost&) = delete;
  BesideHost& operator=(const BesideHost&) = delete;

 protected:
  explicit BesideHost(Communicator& owner) : owner_(owner) {}

  Communicator& owner() const { return owner_; }
  CallLog& log() const { return *owner_.calls_; }
  Watch* watch() const { return owner_.watch_.get(); }
  void host_all_reduce(const Array& data, Reduce op) const { owner_.do_all_reduce(data, op); }
  void host_reduce(const Array& data, int root, Reduce op) const { owner_.do_reduce(data, root, op); }
  void host_broadcast(const Array& data, int root) const { owner_.do_broadcast(data, root); }
  void host_reduce_scatter(const Array& in, const Array& out, Reduce op) const {
    owner_.do_reduce_scatter(in, out, op);
  }
  void host_all_gather(const Array& in, const Array& out) const { owner_.do_all_gather(in, out); }
  void host_gather(const Array& in, const Array& out, int root) const { owner_.do_gather(in, out, root); }
  void host_scatter(const Array& in, const Array& out, int root) const { owner_.do_scatter(in, out, root); }
  void host_all_to_all(const Array& in, const Array& out) const { owner_.do_all_to_all(in, out); }
  void host_send(const Array& data, int destination, int tag) const { owner_.do_send(data, destination, tag); }
  void host_recv(const Array& data, int source, int tag) const { owner_.do_recv(data, source, tag); }
  std::string host_broadcast_bytes(std::string bytes, int root) const {
    return owner_.do_broadcast_bytes(std::move(bytes), root);
  }
  void host_send_bytes(const std::string& bytes, int destination, int tag) const {
    owner_.do_send_bytes(bytes, destination, tag);
  }
  Message host_recv_bytes(int source, int tag) const { return owner_.do_recv_bytes(source, tag); }

 private:
  Communicator& owner_;
};

/// How all ranks of a communicator move arrays on GPUs together. Is given what a communicator's private calls are
/// given: checked, contiguous arrays, and more than one rank. Calls are in order with the current stream of the array's
/// device.
class GpuTransport : public BesideHost {
 public:
  virtual void all_reduce(const Array& data, Reduce op) = 0;
  virtual void reduce(const Array& data, int root, Reduce op) = 0;
  virtual void broadcast(const Array& data, int root) = 0;
  virtual void reduce_scatter(const Array& in, const Array& out, Reduce op) = 0;
  virtual void all_gather(const Array& in, const Array& out) = 0;
  virtual void gather(const Array& in, const Array& out, int root) = 0;
  virtual void scatter(const Array& in, const Array& out, int root) = 0;
  virtual void all_to_all(const Array& in, const Array& out) = 0;
  /// Whether calls return when they are in the stream.
  virtual bool only_enqueues() const { return false; }
  /// See Communicator::register_memory.
  virtual std::shared_ptr<void> register_memory(const Array& /*data*/) { return nullptr; }

 protected:
  using BesideHost::BesideHost;
};

/// The same for messages between two ranks, of which the others know nothing.
class GpuMessages : public BesideHost {
 public:
  virtual void send(const Array& data, int destination, int tag) = 0;
  virtual void recv(const Array& data, int source, int tag) = 0;

 protected:
  using BesideHost::BesideHost;
};

namespace gpu {

/// The transport for `way` beside the calls of `owner`, which must outlive it. `device` is this rank's: the first
/// array's. A call on all ranks together. Throws CommError if the ranks cannot take that way, and says why.
std::unique_ptr<GpuTransport> make_transport(GpuWay way, Communicator& owner, Device device);
std::unique_ptr<GpuMessages> make_messages(GpuWay way, Communicator& owner);

/// x *= factor, on the device of x.
void scale(const Array& x, double factor);

}  // namespace gpu
}  // namespace rensa
