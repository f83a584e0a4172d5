#pragma once

#include "comm/communicators/communicator.h"

namespace rensa {

/// ChainerMN's reference: rank 0 takes every rank's array in the order of ranks, reduces, and sends the result to all.
/// Slow and easy to believe; the other communicators are tested against it. Everything else is the transport's.
class NaiveCommunicator final : public Communicator {
 public:
  explicit NaiveCommunicator(std::unique_ptr<Communicator> transport);
  std::string_view name() const override { return "naive"; }

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void do_broadcast(const Array& data, int root) override { transport_->broadcast(data, root); }
  void do_all_gather(const Array& in, const Array& out) override { transport_->all_gather(in, out); }
  void do_gather(const Array& in, const Array& out, int root) override { transport_->gather(in, out, root); }
  void do_scatter(const Array& in, const Array& out, int root) override { transport_->scatter(in, out, root); }
  void do_all_to_all(const Array& in, const Array& out) override { transport_->all_to_all(in, out); }
  void do_send(const Array& data, int destination, int tag) override { transport_->send(data, destination, tag); }
  void do_recv(const Array& data, int source, int tag) override { transport_->recv(data, source, tag); }
  void do_barrier() override { transport_->barrier(); }
  std::unique_ptr<Communicator> do_split(int color, int key) override;
  [[noreturn]] void do_abort(int status) override;

  std::unique_ptr<Communicator> transport_;
};

}  // namespace rensa
