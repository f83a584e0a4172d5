#include "comm/communicators/hierarchical_communicator.h"

#include "comm/gpu/gpu_transport.h"

namespace rensa {

HierarchicalCommunicator::HierarchicalCommunicator(std::unique_ptr<Communicator> whole, std::string_view name)
    : ComposedCommunicator(std::move(whole)), name_(name) {
  if (inter_size() == 1) {
    replace_whole(this->whole().split_by_node());
    this->whole().carry_gpu_arrays(GpuWay::kNccl);
    return;
  }
  intra_ = this->whole().split_by_node();
  intra_->carry_gpu_arrays(GpuWay::kNccl);
  inter_ = this->whole().split(intra_rank() == 0 ? 0 : -1, rank());
  if (inter_ && name == "non_cuda_aware") inter_->carry_gpu_arrays(GpuWay::kStaged);
}

void HierarchicalCommunicator::do_all_reduce(const Array& data, Reduce op) {
  if (!intra_) return whole().all_reduce(data, op);
  // A mean of means would weigh ranks by their nodes. What is summed instead is divided before 16 bits are rounded.
  const bool divides = op == Reduce::kMean && !place().nodes_are_equal;
  const Array terms = divides && is_half(data.dtype()) ? data.to(Dtype::kFloat32) : data;
  if (divides) {
    gpu::scale(terms, 1.0 / size());
    op = Reduce::kSum;
  }
  intra_->reduce(terms, 0, op);
  if (inter_) {
    if (terms.dtype() != data.dtype()) data.copy_from(terms);
    inter_->all_reduce(data, op);
  }
  intra_->broadcast(data, 0);
}

void HierarchicalCommunicator::do_broadcast(const Array& data, int root) {
  // a root that is not its node's first would need another step: the whole knows how
  if (!intra_ || root != 0) return whole().broadcast(data, root);
  if (inter_) inter_->broadcast(data, 0);
  intra_->broadcast(data, 0);
}

Array HierarchicalCommunicator::do_allocate_shared(std::int64_t count, Dtype dtype) {
  return (intra_ ? *intra_ : whole()).allocate_shared(count, dtype);
}

}  // namespace rensa
