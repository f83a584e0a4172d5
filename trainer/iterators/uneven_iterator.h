#pragma once

#include <memory>
#include <vector>

#include "comm/communicators/communicator.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {

/// Goes through datasets that differ from rank to rank, to the end of the longest: every sample once in an epoch, none
/// twice. A rank gives batches of its own size, then a short one, then empty ones until all ranks have finished the
/// epoch; each batch says how many samples the step has on all ranks, so that StandardUpdater weights them alike.
///
/// Which rank has how many samples is asked once, at construction: steps and epochs follow from that and are the same
/// on all ranks, which never wait here. A global batch is the ranks' batches in the order of ranks.
///
///   auto mine = scatter_dataset(dataset, *comm, {.force_equal_length = false});     // or any dataset of this rank's
///   own UnevenIterator iterator(mine, {.batch_size = 32}, {.threads = 2}, *comm);       // 32 samples a step on this
///   rank
class UnevenIterator final : public Iterator {
 public:
  /// A call on all ranks together. `options.batch_size` is this rank's; the dataset may be empty, or null, on some
  /// ranks. Throws ValueError if all are empty, or for repeat = false or a rank and size in `options`.
  UnevenIterator(std::shared_ptr<const Dataset> mine, IteratorOptions options, const LoaderOptions& loader,
                 Communicator& comm);

  std::optional<Batch> next() override;  ///< never none
  void reset() override;
  const IteratorState& state() const override { return state_; }
  void restore(const IteratorState& state) override;
  std::int64_t epoch_size() const override { return position_after(steps_); }
  std::int64_t batch_size() const override;
  std::int64_t steps_of_epoch() const { return steps_; }  ///< the same on all ranks

 private:
  struct RankPart {
    std::int64_t samples, batch;
    std::int64_t after(std::int64_t steps) const;  ///< samples given out after so many steps of an epoch
  };
  std::int64_t position_after(std::int64_t steps) const;
  Batch no_samples() const;

  int rank_;
  std::vector<RankPart> parts_;
  std::vector<FieldSpec> fields_;
  Padding padding_;
  std::unique_ptr<Iterator> mine_;  ///< null: no samples here
  std::int64_t steps_ = 0;          ///< of an epoch
  std::int64_t step_ = 0;           ///< inside the epoch
  IteratorState state_;
};

}  // namespace rensa
