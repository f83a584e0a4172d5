#include "tests/conformance/conformance.h"

namespace rensa::testing {

const std::vector<ConformanceCheck>& conformance_checks() {
  static const std::vector<ConformanceCheck> all = [] {
    std::vector<ConformanceCheck> checks = array_checks();
    for (const ConformanceCheck& check : model_checks()) checks.push_back(check);
    for (const ConformanceCheck& check : normalization_checks()) checks.push_back(check);
    return checks;
  }();
  return all;
}

bool suits(const std::string& name, const RankPlace& place) {
  if (name == "single_node") return place.inter_size == 1;
  if (name == "two_dimensional") return place.nodes_are_equal;
  return name != "pure_nccl" && name != "dummy" && name != "self";  // have tests of their own
}

}  // namespace rensa::testing
