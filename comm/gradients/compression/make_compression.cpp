#include <charconv>

#include "comm/gradients/compression/gradient_compression.h"
#include "comm/gradients/compression/one_bit.h"
#include "comm/gradients/compression/power_sgd.h"
#include "comm/gradients/compression/top_k.h"
#include "core/error.h"

namespace rensa {
namespace {

double number_behind_colon(const std::string& text, double fallback) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return fallback;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, value);
  if (error != std::errc() || at != end) {
    throw ValueError("compression: expected a number behind the colon, found \"", text, "\".");
  }
  return value;
}

}  // namespace

std::shared_ptr<GradientCompression> make_compression(const std::string& text) {
  const std::string name = text.substr(0, text.find(':'));
  if (text.empty() || text == "none") return nullptr;
  if (name == "power_sgd") return std::make_shared<PowerSgd>(static_cast<int>(number_behind_colon(text, 4)));
  if (name == "top_k") return std::make_shared<TopK>(number_behind_colon(text, 0.01));
  if (text == "one_bit") return std::make_shared<OneBit>();
  throw ValueError("compression: expected none, power_sgd, power_sgd:RANK, top_k, top_k:SHARE or one_bit, found \"",
                   text, "\".");
}

}  // namespace rensa
