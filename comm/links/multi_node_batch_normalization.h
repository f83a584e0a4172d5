#pragma once

#include <memory>

#include "comm/communicators/communicator.h"
#include "core/links/batch_normalization.h"

namespace rensa {

/// Batch normalization over the batches of all ranks together: outputs, gradients and running statistics are those of
/// one process on the whole batch, with any number of samples on each rank. Keys and everything else are
/// BatchNormalization's, so that snapshots load both ways.
///
/// In training, forward and backward are calls on all ranks together: a rank without samples makes them on an empty
/// batch. `comm` must outlive the link and its copies; the link uses it on the thread that computes.
class MultiNodeBatchNormalization : public BatchNormalization {
 public:
  MultiNodeBatchNormalization(const BatchNormalizationLinkOptions& options, Communicator& comm);

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<MultiNodeBatchNormalization>(options(), comm_); }

 private:
  Communicator& comm_;
};

/// Makes every batch normalization of the model one over all ranks. Returns how many there are.
int share_batch_statistics(Link& model, Communicator& comm);

/// ChainerMN's create_mnbn_model: a copy of the model (see Link::clone) whose batch normalizations work over all ranks.
/// Names, parameters and persistent values are the model's, which stays as it is. Not a call on all ranks.
template <class L>
std::unique_ptr<L> create_mnbn_model(L& model, Communicator& comm) {
  std::unique_ptr<L> copy = clone(model);
  share_batch_statistics(*copy, comm);
  return copy;
}

}  // namespace rensa
