#pragma once

#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// Reduce-scatter inside the node, all-reduce of each slice between nodes, all-gather inside: every rank uses the
/// network, with 1 / intra_size of the data. Any length; nodes of equal numbers of ranks. float16 and bfloat16 are
/// rounded as by HierarchicalCommunicator. Arrays on GPUs: NCCL inside, the whole's way between nodes.
class TwoDimensionalCommunicator final : public ComposedCommunicator {
 public:
  /// Throws CommError if nodes differ in their numbers of ranks.
  explicit TwoDimensionalCommunicator(std::unique_ptr<Communicator> whole);
  std::string_view name() const override { return "two_dimensional"; }

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  bool do_only_enqueues(Device device) override { return !intra_ && whole().only_enqueues(device); }
  std::shared_ptr<void> do_register_memory(const Array& data) override {
    return (intra_ ? *intra_ : whole()).register_memory(data);
  }
  Array do_allocate_shared(std::int64_t count, Dtype dtype) override;
  /// hierarchical where the ranks that split off fill their nodes unequally.
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override;

  std::unique_ptr<Communicator> intra_;  ///< null if there is one node only: then it is the whole
  std::unique_ptr<Communicator> inter_;  ///< the ranks of this intra_rank, one a node
};

}  // namespace rensa
