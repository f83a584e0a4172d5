#include "comm/self/self_communicator.h"

#include <cstdlib>

#include "core/error.h"

namespace rensa {

Message SelfCommunicator::do_recv_bytes(int, int) {
  throw CommError("recv_bytes: this rank is alone, nobody can send.");
}

std::unique_ptr<Communicator> SelfCommunicator::do_split(int color, int /*key*/) {
  return color < 0 ? nullptr : std::make_unique<SelfCommunicator>();
}

void SelfCommunicator::do_abort(int status) { std::_Exit(status); }

}  // namespace rensa
