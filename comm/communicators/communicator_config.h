#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/array/dtype.h"

namespace rensa {

/// ChainerMN's configs: settings of a communicator that may change while it lives.
///   "allreduce_grad_dtype"   the dtype in which gradients travel: "float16", "bfloat16", "float32", "float64", or "":
///   their own
class CommunicatorConfig {
 public:
  CommunicatorConfig();
  /// Throws ValueError for an unknown name, with the known ones, or for a value that the name does not take.
  void set(const std::string& name, const std::string& value);
  const std::string& get(const std::string& name) const;  ///< the value as text; throws ValueError for an unknown name

  /// All of them by name: ChainerMN's get_config() without a name.
  const std::map<std::string, std::string>& values() const { return values_; }

  /// The dtype in which gradients travel, if one other than their own was set.
  std::optional<Dtype> allreduce_grad_dtype() const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace rensa
