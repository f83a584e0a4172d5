#include "comm/scatter_index.h"

#include <algorithm>

#include "core/error.h"

namespace rensa {

IndexRange scatter_index(std::int64_t count, const Communicator& comm) {
  if (count < 0) throw ValueError("scatter_index: a count of ", count, ", expected 0 or more.");
  const std::int64_t part = count / comm.size(), rest = count % comm.size(), rank = comm.rank();
  const std::int64_t begin = rank * part + std::min(rank, rest);
  return {begin, begin + part + (rank < rest ? 1 : 0)};
}

}  // namespace rensa
