#pragma once

#include <unordered_map>
#include <vector>

#include "core/autograd/function_hook.h"

namespace rensa {

/// Finds the operation from which not-a-number comes: every output and every gradient of this thread is read, which
/// costs time.
///
///   const AnomalyMode scope;
///   model(x).backward();
///
/// Throws ValueError that names the operation, forward or backward, with the calls that led to where it was created.
class AnomalyMode final : FunctionHook {
 public:
  AnomalyMode() : scope_(*this) {}

 private:
  void after_forward(const Function& f, std::span<const Array> outputs) override;
  void before_backward(const Function&) override { ++backward_depth_; }
  void after_backward(const Function& f, const Variables& gradients) override;

  std::unordered_map<const Function*, std::vector<void*>> created_;  ///< return addresses
  int backward_depth_ = 0;  ///< inside a backward, whose gradients are read when it is done
  FunctionHookScope scope_;
};

}  // namespace rensa
