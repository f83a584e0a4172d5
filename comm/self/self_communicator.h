#pragma once

#include "comm/communicators/communicator.h"

namespace rensa {

/// One rank alone: a program run without a launcher. Nothing ever moves, so there is nothing to implement.
class SelfCommunicator final : public Communicator {
 public:
  SelfCommunicator() : Communicator(RankPlace{}) {}
  std::string_view name() const override { return "self"; }

 private:
  void do_all_reduce(const Array&, Reduce) override {}
  void do_reduce(const Array&, int, Reduce) override {}
  void do_broadcast(const Array&, int) override {}
  void do_reduce_scatter(const Array&, const Array&, Reduce) override {}
  void do_all_gather(const Array&, const Array&) override {}
  void do_gather(const Array&, const Array&, int) override {}
  void do_scatter(const Array&, const Array&, int) override {}
  void do_all_to_all(const Array&, const Array&) override {}
  void do_send(const Array&, int, int) override {}
  void do_recv(const Array&, int, int) override {}
  Work do_start_send(const Array&, int, int) override { return {}; }
  Work do_start_recv(const Array&, int, int) override { return {}; }
  void do_send_bytes(const std::string&, int, int) override {}
  Message do_recv_bytes(int, int) override;
  void do_barrier() override {}
  std::unique_ptr<Communicator> do_split(int color, int key) override;
  [[noreturn]] void do_abort(int status) override;
};

}  // namespace rensa
