#pragma once

#include <memory>

#include "comm/communicators/communicator.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {

/// Every rank gets the batches that one rank loads: for networks whose parts lie on several ranks, and for data that
/// one rank alone can read. ChainerMN's create_multi_node_iterator.
///
/// The batches are whole ones, the same on all ranks, so that a mean over the ranks' samples is the mean over the
/// batch. next(), reset(), restore() and serialize() are calls on all ranks together, in one order. Where the iterator
/// stands is known to all ranks, without the order of the epoch, which the master draws anew from its seed when it is
/// restored.
class MultiNodeIterator final : public Iterator {
 public:
  /// `base` is the master's; elsewhere it is not looked at and may be null. `comm` must outlive the iterator. Throws
  /// ValueError on every rank if the master has none.
  MultiNodeIterator(std::unique_ptr<Iterator> base, Communicator& comm, int rank_master = 0);

  std::optional<Batch> next() override;
  void reset() override;
  const IteratorState& state() const override { return state_; }
  void restore(const IteratorState& state) override;
  std::int64_t epoch_size() const override { return epoch_size_; }
  std::int64_t batch_size() const override { return batch_size_; }

 private:
  bool is_master() const { return comm_.rank() == master_; }
  /// The master's state, to all ranks.
  void share_state();

  const std::unique_ptr<Iterator> base_;
  Communicator& comm_;
  const int master_;
  std::int64_t epoch_size_ = 0, batch_size_ = 0;
  IteratorState state_;
};

/// ChainerMN's name for making a MultiNodeIterator.
std::unique_ptr<Iterator> create_multi_node_iterator(std::unique_ptr<Iterator> base, Communicator& comm,
                                                     int rank_master = 0);

/// Iterators that go through each rank's own dataset in one order, whole batches on every rank: rank 0's seed counts.
/// For ranks that see different things of the same samples. ChainerMN's create_synchronized_iterator. A call on all
/// ranks together. Throws ValueError if the datasets differ in size, or for a rank and size in `options`.
std::unique_ptr<Iterator> create_synchronized_iterator(std::shared_ptr<const Dataset> mine, IteratorOptions options,
                                                       const LoaderOptions& loader, Communicator& comm);

}  // namespace rensa
