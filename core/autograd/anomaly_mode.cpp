#include "core/autograd/anomaly_mode.h"

#include <cxxabi.h>
#include <execinfo.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/error.h"

namespace rensa {
namespace {

constexpr int kMostCalls = 24;

bool has_nan(const Array& x) {
  if (!x || !is_floating(x.dtype())) return false;
  const Array values = x.to(Device{}).to(Dtype::kFloat32).contiguous();  // looked at on the host
  const float* value = values.data<float>();
  for (std::int64_t i = 0; i < values.size(); ++i) {
    if (std::isnan(value[i])) return true;
  }
  return false;
}

std::vector<void*> calls_to_here() {
  std::array<void*, kMostCalls> addresses{};
  const int count = backtrace(addresses.data(), kMostCalls);
  // With parentheses: braces would make a list of the two iterators, which are void** and so void* too.
  return std::vector<void*>(addresses.begin(), addresses.begin() + count);
}

/// "library(mangled+0x12) [0x…]" with a readable name.
std::string readable(const char* line) {
  const std::string text = line;
  const std::size_t begin = text.find('('), end = text.find('+', begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos || end == begin + 1) return text;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(text.substr(begin + 1, end - begin - 1).c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? text.substr(0, begin + 1) + name.get() + text.substr(end) : text;
}

std::string listing(const std::vector<void*>& addresses) {
  const std::unique_ptr<char*, decltype(&std::free)> lines(
      backtrace_symbols(addresses.data(), static_cast<int>(addresses.size())), std::free);
  std::string text;
  for (std::size_t i = 0; lines && i < addresses.size(); ++i) text += "\n  " + readable(lines.get()[i]);
  return text;
}

}  // namespace

void AnomalyMode::after_forward(const Function& f, std::span<const Array> outputs) {
  created_[&f] = calls_to_here();
  if (backward_depth_ > 0) return;
  for (const Array& y : outputs) {
    if (!has_nan(y)) continue;
    throw ValueError("anomaly: ", f.name(), " gave not-a-number in an output of shape ", y.shape(),
                     ". It was called by", listing(created_[&f]));
  }
}

void AnomalyMode::after_backward(const Function& f, const Variables& gradients) {
  --backward_depth_;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i] || !has_nan(gradients[i].array())) continue;
    throw ValueError("anomaly: the gradient of ", f.name(), " for its input ", i, " of shape ", gradients[i].shape(),
                     " has not-a-number. The operation was created by", listing(created_[&f]));
  }
}

}  // namespace rensa
