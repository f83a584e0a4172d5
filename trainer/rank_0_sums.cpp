#include "trainer/rank_0_sums.h"

#include <vector>

namespace rensa {

void move_sums_to_rank_0(Communicator& comm, std::span<double> sums) {
  if (comm.size() == 1) return;
  const Array all = array(std::vector<double>(sums.begin(), sums.end()), {static_cast<std::int64_t>(sums.size())});
  comm.all_reduce(all);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = comm.rank() == 0 ? all.data<double>()[i] : 0;
}

void share_names(std::map<std::string, ObservedSum>& sums, Communicator& comm) {
  std::string mine;
  for (const auto& [name, sum] : sums) mine += name + '\n';
  for (const std::string& names : comm.all_gather_bytes(mine)) {
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = names.find('\n', begin)) != std::string::npos; begin = end + 1) {
      sums[names.substr(begin, end - begin)];
    }
  }
}

}  // namespace rensa
