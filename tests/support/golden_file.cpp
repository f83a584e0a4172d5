#include "tests/support/golden_file.h"

#include <cmath>
#include <fstream>
#include <stdexcept>

namespace rensa::testing {

nlohmann::json golden_file(const std::string& name) {
  const std::string path = RENSA_SOURCE_DIR "/tests/golden/" + name + ".json";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("no golden file " + path + "; scripts/oracle/README.md says how it is made");
  return nlohmann::json::parse(file);
}

Array golden_array(const nlohmann::json& entry, Dtype dtype) {
  Shape shape;
  for (std::int64_t size : entry.at("shape")) shape.push_back(size);
  return array(entry.at("data").get<std::vector<double>>(), shape).to(dtype);
}

::testing::AssertionResult near(const Array& found, const Array& expected, double tolerance) {
  if (found.shape() != expected.shape()) {
    return ::testing::AssertionFailure() << "shape " << found.shape() << ", expected " << expected.shape();
  }
  const std::vector<double> f = to_vector<double>(found), e = to_vector<double>(expected);
  for (std::size_t i = 0; i < f.size(); ++i) {
    // Written so that a NaN fails.
    if (!(std::abs(f[i] - e[i]) <= tolerance * (1 + std::abs(e[i])))) {
      return ::testing::AssertionFailure()
             << "element " << i << " is " << f[i] << ", expected " << e[i] << " (they differ by " << f[i] - e[i] << ")";
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace rensa::testing
