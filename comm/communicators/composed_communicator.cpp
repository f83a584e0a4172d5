#include "comm/communicators/composed_communicator.h"

namespace rensa {

ComposedCommunicator::ComposedCommunicator(std::unique_ptr<Communicator> whole)
    : Communicator(whole->place(), whole->timeout_s()), whole_(std::move(whole)) {
  carry_gpu_arrays(GpuWay::kComposed);
}

std::unique_ptr<Communicator> ComposedCommunicator::do_split(int color, int key) {
  auto part = whole_->split(color, key);
  return part ? compose(std::move(part)) : nullptr;
}

void ComposedCommunicator::do_abort(int status) { whole_->abort("the job is ended", status); }

}  // namespace rensa
