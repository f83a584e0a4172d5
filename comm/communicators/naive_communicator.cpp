#include "comm/communicators/naive_communicator.h"

#include <array>
#include <cstdlib>

#include "comm/shm/direct_reduction.h"

namespace rensa {

NaiveCommunicator::NaiveCommunicator(std::unique_ptr<Communicator> transport)
    : Communicator(transport->place()), transport_(std::move(transport)) {}

void NaiveCommunicator::do_all_reduce(const Array& data, Reduce op) {
  if (rank() == 0) {
    const Array theirs = empty(data.shape(), data.dtype());
    for (int r = 1; r < size(); ++r) {
      transport_->recv(theirs, r);
      const std::array<const void*, 2> inputs = {data.raw_data(), theirs.raw_data()};
      const std::array<void*, 1> outputs = {data.raw_data()};
      shm::reduce_directly(inputs, outputs, 0, data.size(), data.dtype(), op);
    }
  } else {
    transport_->send(data, 0);
  }
  transport_->broadcast(data, 0);
}

void NaiveCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  const Array whole = in.copy();
  do_all_reduce(whole, op);
  out.copy_from(whole.reshape({size(), -1}).select(0, rank()).reshape(out.shape()));
}

std::unique_ptr<Communicator> NaiveCommunicator::do_split(int color, int key) {
  auto part = transport_->split(color, key);
  return part ? std::make_unique<NaiveCommunicator>(std::move(part)) : nullptr;
}

void NaiveCommunicator::do_abort(int status) {
  transport_->abort("the job is ended", status);
}

}  // namespace rensa
