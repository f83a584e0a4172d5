#include "core/autograd/recomputing.h"

#include <utility>

#include "core/error.h"

namespace rensa {
namespace detail {
namespace {

thread_local constinit RunScope* innermost = nullptr;

}  // namespace

RunScope::RunScope(std::vector<Array>& values, bool second)
    : values_(values), second_(second), outer_(std::exchange(innermost, this)) {}
RunScope::~RunScope() { innermost = outer_; }

Array RunScope::value(RunScope* scope, const std::function<Array()>& compute) {
  if (!scope) return compute();
  if (scope->second_) {
    if (scope->taken_ < scope->values_.size()) return scope->values_[scope->taken_++];
    throw GraphError("forget: the function's second run asks for more than its first one did. Give forget a function ",
                     "that does the same each time.");
  }
  // A first run inside somebody else's second one: that one's values.
  Array found = value(scope->outer_, compute);
  scope->values_.push_back(found);
  return found;
}

}  // namespace detail

Array same_in_both_runs(const std::function<Array()>& compute) {
  return detail::RunScope::value(detail::innermost, compute);
}

}  // namespace rensa
