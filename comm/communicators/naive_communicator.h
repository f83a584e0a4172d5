#pragma once

#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// ChainerMN's reference: rank 0 takes every rank's array in the order of ranks, reduces, and sends the result to all.
/// Slow and easy to believe; the other communicators are tested against it.
class NaiveCommunicator final : public ComposedCommunicator {
 public:
  explicit NaiveCommunicator(std::unique_ptr<Communicator> whole) : ComposedCommunicator(std::move(whole)) {}
  std::string_view name() const override { return "naive"; }

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  void do_reduce(const Array& data, int root, Reduce op) override;
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<NaiveCommunicator>(std::move(whole));
  }
};

}  // namespace rensa
