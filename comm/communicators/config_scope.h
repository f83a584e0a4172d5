#pragma once

#include <utility>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Gives a communicator its configs back at the end of the scope:
///   { const ConfigScope scope(*comm); comm->config().set("allreduce_grad_dtype", "float16"); … }
class ConfigScope {
 public:
  explicit ConfigScope(Communicator& comm) : comm_(comm), before_(comm.config()) {}
  ~ConfigScope() { comm_.config() = std::move(before_); }
  ConfigScope(const ConfigScope&) = delete;
  ConfigScope& operator=(const ConfigScope&) = delete;

 private:
  Communicator& comm_;
  CommunicatorConfig before_;
};

}  // namespace rensa
