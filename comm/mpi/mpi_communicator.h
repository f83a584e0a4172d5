#pragma once

#include <mpi.h>

#include <memory>
#include <source_location>

#include "comm/communicators/communicator.h"
#include "comm/mpi/messages.h"

namespace rensa {

/// MPI's collectives on arrays, and a ring of its own for long all-reduces between nodes. Works on a duplicate of the
/// communicator it is given, so that messages never mix with what the program does with MPI itself, and on a second one
/// for what its own calls and the elements of messages are (LibraryTag); every return code is checked; counts above
/// 2^31 go in pieces.
class MpiCommunicator final : public Communicator {
 public:
  /// Takes ownership of `comm`, which must be a duplicate made for this object.
  explicit MpiCommunicator(MPI_Comm comm, double timeout_s = kDefaultTimeout);
  ~MpiCommunicator() override;
  std::string_view name() const override { return "flat"; }
  bool takes_gpu_memory() const override;

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  void do_reduce(const Array& data, int root, Reduce op) override;
  void do_broadcast(const Array& data, int root) override;
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void do_all_gather(const Array& in, const Array& out) override;
  void do_gather(const Array& in, const Array& out, int root) override;
  void do_scatter(const Array& in, const Array& out, int root) override;
  void do_all_to_all(const Array& in, const Array& out) override;
  void do_send(const Array& data, int destination, int tag) override { messages_->send(data, destination, tag); }
  void do_recv(const Array& data, int source, int tag) override { messages_->recv(data, source, tag); }
  Work do_start_send(const Array& data, int to, int tag) override { return messages_->start_send(data, to, tag); }
  Work do_start_recv(const Array& data, int from, int tag) override { return messages_->start_recv(data, from, tag); }
  void do_send_bytes(const std::string& bytes, int to, int tag) override { messages_->send_bytes(bytes, to, tag); }
  Message do_recv_bytes(int source, int tag) override { return messages_->recv_bytes(source, tag); }
  void do_barrier() override;
  std::unique_ptr<Communicator> do_split(int color, int key) override;
  std::unique_ptr<Communicator> do_split_by_node() override;
  [[noreturn]] void do_abort(int status) override;
  void all_reduce_here(const Array& data, Reduce op);
  void reduce_scatter_here(const Array& in, const Array& out, Reduce op);

  MPI_Comm comm_;          ///< collectives, and messages between the ranks of the program
  MPI_Comm library_comm_;  ///< the library's own, and the elements of all
  std::unique_ptr<mpi::Messages> messages_;
};

namespace mpi {
/// Throws CommError with MPI's own words unless `code` is MPI_SUCCESS.
void check(int code, const char* call, const std::source_location& where = std::source_location::current());
/// Starts MPI unless the program has; if it was started here, it is finalized when the program exits. Throws CommError
/// if MPI lets only one thread call it at a time: gradients travel on a thread of their own.
void initialize();
}  // namespace mpi

}  // namespace rensa
