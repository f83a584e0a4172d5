#pragma once

#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// Reduce to the first rank of each node, all-reduce among those, broadcast inside: one rank of a node uses the
/// network, with every byte once each way. Nodes may differ in their numbers of ranks. float16 and bfloat16 stay 16
/// bits between nodes: each node's sum is rounded, and the sum of these. Arrays on GPUs: NCCL inside, the whole's way
/// between nodes.
class HierarchicalCommunicator final : public ComposedCommunicator {
 public:
  /// `name` is "hierarchical", or "non_cuda_aware": the same, but arrays on GPUs always go by way of the host between
  /// nodes.
  explicit HierarchicalCommunicator(std::unique_ptr<Communicator> whole, std::string_view name = "hierarchical");
  std::string_view name() const override { return name_; }

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  void do_broadcast(const Array& data, int root) override;
  bool do_only_enqueues(Device device) override { return !intra_ && whole().only_enqueues(device); }
  std::shared_ptr<void> do_register_memory(const Array& data) override {
    return (intra_ ? *intra_ : whole()).register_memory(data);
  }
  Array do_allocate_shared(std::int64_t count, Dtype dtype) override;
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override {
    return std::make_unique<HierarchicalCommunicator>(std::move(whole), name_);
  }

  const std::string_view name_;
  std::unique_ptr<Communicator> intra_;  ///< null if there is one node only: then it is the whole
  std::unique_ptr<Communicator> inter_;  ///< the nodes' first ranks; null on others
};

}  // namespace rensa
