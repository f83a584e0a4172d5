#include "comm/links/multi_node_batch_normalization.h"

#include "comm/links/communicator_statistics.h"

namespace rensa {

MultiNodeBatchNormalization::MultiNodeBatchNormalization(const BatchNormalizationLinkOptions& options,
                                                         Communicator& comm)
    : BatchNormalization(options), comm_(comm) {
  share_statistics(std::make_shared<CommunicatorStatistics>(comm));
}

int share_batch_statistics(Link& model, Communicator& comm) {
  const auto reducer = std::make_shared<CommunicatorStatistics>(comm);
  int count = 0;
  for (const Link::NamedLink& named : model.named_links()) {
    auto* normalization = dynamic_cast<BatchNormalization*>(named.link);
    if (!normalization) continue;
    normalization->share_statistics(reducer);
    ++count;
  }
  return count;
}

}  // namespace rensa
