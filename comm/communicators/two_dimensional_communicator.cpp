#include "comm/communicators/two_dimensional_communicator.h"

#include "comm/communicators/hierarchical_communicator.h"
#include "core/error.h"

namespace rensa {

TwoDimensionalCommunicator::TwoDimensionalCommunicator(std::unique_ptr<Communicator> whole)
    : ComposedCommunicator(std::move(whole)) {
  if (!place().nodes_are_equal) {
    throw CommError("two_dimensional: expected the same number of ranks on every node, found nodes that differ (",
                    intra_size(), " on this one). Use the communicator hierarchical.");
  }
  if (inter_size() == 1) {
    replace_whole(this->whole().split_by_node());
    this->whole().carry_gpu_arrays(GpuWay::kNccl);
    return;
  }
  intra_ = this->whole().split_by_node();
  intra_->carry_gpu_arrays(GpuWay::kNccl);
  inter_ = this->whole().split(intra_rank(), inter_rank());
}

void TwoDimensionalCommunicator::do_all_reduce(const Array& data, Reduce op) {
  if (!intra_) return whole().all_reduce(data, op);
  const Array flat = data.reshape({-1});
  const std::int64_t even = flat.size() / intra_size() * intra_size();  // the few elements behind go by themselves
  if (even > 0) {
    const Array all = flat.slice(0, {.stop = even});
    const Array mine = all.reshape({intra_size(), -1}).select(0, intra_rank());
    intra_->reduce_scatter(all, mine, op);
    inter_->all_reduce(mine, op);
    intra_->all_gather(mine, all);
  }
  if (even < flat.size()) whole().all_reduce(flat.slice(0, {.start = even}), op);
}

std::unique_ptr<Communicator> TwoDimensionalCommunicator::compose(std::unique_ptr<Communicator> whole) const {
  if (!whole->place().nodes_are_equal) return std::make_unique<HierarchicalCommunicator>(std::move(whole));
  return std::make_unique<TwoDimensionalCommunicator>(std::move(whole));
}

Array TwoDimensionalCommunicator::do_allocate_shared(std::int64_t count, Dtype dtype) {
  return (intra_ ? *intra_ : whole()).allocate_shared(count, dtype);
}

}  // namespace rensa
