#include "tests/conformance/conformance.h"

#include "core/error.h"

namespace rensa::testing {

const std::vector<ConformanceCheck>& conformance_checks() {
  static const std::vector<ConformanceCheck> all = [] {
    std::vector<ConformanceCheck> checks = array_checks();
    for (const ConformanceCheck& check : message_checks()) checks.push_back(check);
    for (const ConformanceCheck& check : started_message_checks()) checks.push_back(check);
    for (const ConformanceCheck& check : model_checks()) checks.push_back(check);
    for (const ConformanceCheck& check : normalization_checks()) checks.push_back(check);
    return checks;
  }();
  return all;
}

std::vector<std::size_t> conformance_checks_for_gpus() {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < conformance_checks().size(); ++i) {
    if (conformance_checks()[i].for_gpus) numbers.push_back(i);
  }
  return numbers;
}

std::vector<ConformanceCheck> for_each_dtype(const std::string& name, const std::vector<Dtype>& dtypes,
                                             void (*run)(Communicator& comm, Dtype dtype)) {
  std::vector<ConformanceCheck> checks;
  for (const Dtype dtype : dtypes) {
    checks.push_back({detail::join(name, "_", dtype), [run, dtype](Communicator& comm) { run(comm, dtype); }});
  }
  return checks;
}

bool suits(const std::string& name, const RankPlace& place) {
  if (name == "single_node") return place.inter_size == 1;
  if (name == "two_dimensional") return place.nodes_are_equal;
  return name != "pure_nccl" && name != "dummy" && name != "self";  // have tests of their own
}

const std::vector<std::string>& conforming_names() {
  static const std::vector<std::string> names = {"auto",        "flat",  "hierarchical",  "two_dimensional",
                                                 "single_node", "naive", "non_cuda_aware"};
  return names;
}

}  // namespace rensa::testing
