#pragma once

#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// NCCL alone, for arrays on GPUs: it refuses those on the CPU. Bytes and objects go the whole's way.
class PureNcclCommunicator final : public ComposedCommunicator {
 public:
  explicit PureNcclCommunicator(std::unique_ptr<Communicator> whole) : ComposedCommunicator(std::move(whole)) {}
  std::string_view name() const override { return "pure_nccl"; }

 private:
  [[noreturn]] static void refuse(const Array& data);
  void do_all_reduce(const Array& data, Reduce) override { refuse(data); }
  void do_reduce(const Array& data, int, Reduce) override { refuse(data); }
  void do_broadcast(const Array& data, int) override { refuse(data); }
  void do_reduce_scatter(const Array& in, const Array&, Reduce) override { refuse(in); }
  void do_all_gather(const Array& in, const Array&) override { refuse(in); }
  void do_gather(const Array& in, const Array&, int) override { refuse(in); }
  void do_scatter(const Array&, const Array& out, int) override { refuse(out); }
  void do_all_to_all(const Array& in, const Array&) override { refuse(in); }
  void do_send(const Array& data, int, int) override { refuse(data); }
  void do_recv(const Array& data, int, int) override { refuse(data); }
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<PureNcclCommunicator>(std::move(whole));
  }
};

}  // namespace rensa
