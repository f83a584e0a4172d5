#include "comm/communicators/naive_communicator.h"

#include <vector>

#include "comm/shm/direct_reduction.h"

namespace rensa {

void NaiveCommunicator::do_all_reduce(const Array& data, Reduce op) {
  do_reduce(data, 0, op);
  whole().broadcast(data, 0);
}

void NaiveCommunicator::do_reduce(const Array& data, int root, Reduce op) {
  if (data.device().kind != DeviceKind::kCpu) {
    const Array host = data.to(Device{});
    do_reduce(host, root, op);
    return data.copy_from(host);
  }
  if (rank() != root) return whole().send(data, root, kLibraryTag);
  std::vector<Array> arrays;
  for (int r = 0; r < size(); ++r) {
    arrays.push_back(r == root ? data : empty(data.shape(), data.dtype()));
    if (r != root) whole().recv(arrays.back(), r, kLibraryTag);
  }
  std::vector<const void*> inputs;
  for (const Array& each : arrays) inputs.push_back(each.raw_data());
  void* const output = data.raw_data();
  shm::reduce_directly(inputs, std::span(&output, 1), 0, data.size(), data.dtype(), op);
}

void NaiveCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  const Array all = in.copy();
  do_all_reduce(all, op);
  out.copy_from(all.reshape({size(), -1}).select(0, rank()).reshape(out.shape()));
}

}  // namespace rensa
