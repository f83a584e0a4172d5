#pragma once

#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// Reduces nothing: gradients stay each rank's own. For measuring what a step costs without communication; everything
/// but reductions works.
class DummyCommunicator final : public ComposedCommunicator {
 public:
  explicit DummyCommunicator(std::unique_ptr<Communicator> whole) : ComposedCommunicator(std::move(whole)) {}
  std::string_view name() const override { return "dummy"; }

 private:
  void do_all_reduce(const Array&, Reduce) override {}
  void do_reduce(const Array&, int, Reduce) override {}
  void do_reduce_scatter(const Array& in, const Array& out, Reduce) override {
    out.copy_from(in.reshape({size(), -1}).select(0, rank()).reshape(out.shape()));
  }
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<DummyCommunicator>(std::move(whole));
  }
};

}  // namespace rensa
