#include "comm/communicators/communicator_config.h"

#include <ranges>

#include "core/error.h"

namespace rensa {
namespace {

constexpr const char* kGradDtype = "allreduce_grad_dtype";

void check(const std::string& name, const std::string& value) {
  if (name == kGradDtype && !value.empty() && !is_floating(dtype_from_name(value))) {
    throw ValueError(name, ": gradients cannot travel as ", value, ", expected float16, bfloat16, float32 or float64.");
  }
}

}  // namespace

CommunicatorConfig::CommunicatorConfig() : values_{{kGradDtype, ""}} {}

void CommunicatorConfig::set(const std::string& name, const std::string& value) {
  get(name);
  check(name, value);
  values_[name] = value;
}

const std::string& CommunicatorConfig::get(const std::string& name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  throw ValueError("a communicator has no config \"", name,
                   "\", expected one of: ", detail::list(std::views::keys(values_)), ".");
}

std::optional<Dtype> CommunicatorConfig::allreduce_grad_dtype() const {
  const std::string& value = get(kGradDtype);
  return value.empty() ? std::nullopt : std::optional(dtype_from_name(value));
}

}  // namespace rensa
