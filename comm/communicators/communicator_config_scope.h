#pragma once

#include <utility>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Gives a communicator its configs back at the end of the scope:
///   { const CommunicatorConfigScope scope(*comm); comm->config().set("allreduce_grad_dtype", "float16"); … }
class CommunicatorConfigScope {
 public:
  explicit CommunicatorConfigScope(Communicator& comm) : comm_(comm), before_(comm.config()) {}
  ~CommunicatorConfigScope() { comm_.config() = std::move(before_); }
  CommunicatorConfigScope(const CommunicatorConfigScope&) = delete;
  CommunicatorConfigScope& operator=(const CommunicatorConfigScope&) = delete;

 private:
  Communicator& comm_;
  CommunicatorConfig before_;
};

}  // namespace rensa
