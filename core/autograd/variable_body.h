#pragma once

#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/autograd/function.h"
#include "core/autograd/variable.h"
#include "core/device/cpu/small_blocks.h"

namespace rensa::detail {

/// What few variables have: kept apart so that an intermediate variable stays small.
struct VariableExtras {
  std::string name;
  Variable grad;
  Array grad_destination;  ///< where the gradient is to lie: a view into an arena
  GradientHook on_gradient;
  GradientMoment moment = GradientMoment::kAfterFunction;  ///< of on_gradient
  std::function<void()> before_gradient;
  ReadGate* read_gate = nullptr;  ///< not owned
};

/// What the handles of one variable share.
struct VariableBody : boost::intrusive_ref_counter<VariableBody, boost::thread_safe_counter>, cpu::FromSmallBlocks {
  explicit VariableBody(Array a) : array(std::move(a)) {}
  ~VariableBody();

  VariableExtras& extras_of() {
    if (!extras) extras = std::make_unique<VariableExtras>();
    return *extras;
  }

  Array array;
  boost::intrusive_ptr<Function> creator;  ///< null for a leaf
  int output_index = 0;                    ///< which output of the creator this is
  bool requires_grad = false;
  std::unique_ptr<VariableExtras> extras;
  std::uint64_t walk = 0;    ///< the last backward walk that met this leaf
  std::int64_t pending = 0;  ///< gradients of this walk still to come
};

}  // namespace rensa::detail
