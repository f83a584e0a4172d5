#include "trainer/datasets/scatter_dataset.h"

#include "comm/scatter_index.h"
#include "trainer/iterators/batch_plan.h"

namespace rensa {

std::shared_ptr<SubDataset> scatter_dataset(std::shared_ptr<const Dataset> dataset, const Communicator& comm,
                                            const ScatterOptions& options) {
  const std::int64_t count = dataset->size();
  const std::vector<std::int64_t> order =
      options.shuffle ? epoch_permutation(count, options.seed, /*epoch=*/0) : index_range(0, count);
  const IndexRange part = scatter_index(count, comm);
  std::vector<std::int64_t> mine(order.begin() + part.begin, order.begin() + part.end);
  const std::int64_t longest = (count + comm.size() - 1) / comm.size();
  if (options.force_equal_length && count > 0 && static_cast<std::int64_t>(mine.size()) < longest) {
    mine.push_back(order[static_cast<std::size_t>(comm.rank()) % order.size()]);
  }
  return std::make_shared<SubDataset>(std::move(dataset), std::move(mine));
}

}  // namespace rensa
