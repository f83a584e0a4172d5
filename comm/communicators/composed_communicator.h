#pragma once

#include <memory>

#include "comm/communicators/communicator.h"

namespace rensa {

/// A communicator made of another: what it does not do in its own way is the whole's.
class ComposedCommunicator : public Communicator {
 protected:
  explicit ComposedCommunicator(std::unique_ptr<Communicator> whole);
  Communicator& whole() const { return *whole_; }  ///< the communicator that this one is made of
  /// From now on it is made of this one.
  void replace_whole(std::unique_ptr<Communicator> whole) { whole_ = std::move(whole); }
  /// The same composition of other ranks: what split() gives.
  virtual std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const = 0;

  void do_all_reduce(const Array& data, Reduce op) override { whole_->all_reduce(data, op); }
  void do_reduce(const Array& data, int root, Reduce op) override { whole_->reduce(data, root, op); }
  void do_broadcast(const Array& data, int root) override { whole_->broadcast(data, root); }
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override { whole_->reduce_scatter(in, out, op); }
  void do_all_gather(const Array& in, const Array& out) override { whole_->all_gather(in, out); }
  void do_gather(const Array& in, const Array& out, int root) override { whole_->gather(in, out, root); }
  void do_scatter(const Array& in, const Array& out, int root) override { whole_->scatter(in, out, root); }
  void do_all_to_all(const Array& in, const Array& out) override { whole_->all_to_all(in, out); }
  void do_send(const Array& data, int destination, int tag) override { whole_->send(data, destination, tag); }
  void do_recv(const Array& data, int source, int tag) override { whole_->recv(data, source, tag); }
  Work do_start_send(const Array& data, int destination, int tag) override {
    return whole_->start_send(data, destination, tag);
  }
  Work do_start_recv(const Array& data, int source, int tag) override { return whole_->start_recv(data, source, tag); }
  void do_barrier() override { whole_->barrier(); }
  Array do_allocate_shared(std::int64_t count, Dtype dtype) override { return whole_->allocate_shared(count, dtype); }

 private:
  std::string do_broadcast_bytes(std::string bytes, int root) override {
    return whole_->broadcast_bytes(std::move(bytes), root);
  }
  void do_send_bytes(const std::string& bytes, int to, int tag) final { whole_->send_bytes(bytes, to, tag); }
  Message do_recv_bytes(int source, int tag) final { return whole_->recv_bytes(source, tag); }
  std::unique_ptr<Communicator> do_split(int color, int key) final;
  std::unique_ptr<Communicator> do_split_by_node() final { return whole_->split_by_node(); }
  [[noreturn]] void do_abort(int status) final;

  std::unique_ptr<Communicator> whole_;
};

}  // namespace rensa
