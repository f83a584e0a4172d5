#pragma once

#include "comm/communicators/communicator.h"
#include "comm/wait_log.h"
#include "core/functions/statistics_reducer.h"

namespace rensa {

/// The statistics of a batch whose parts lie on the ranks of a communicator. Means and sums of squared deviations are
/// merged pairwise in the order of ranks, weighted by each rank's number of values, which may be 0: nothing is lost to
/// a large mean, as it would be in E[x²] - E[x]², and all ranks get the same bits.
///
/// One call in each forward and one in each backward, of 2 C float64 numbers a rank. From kGatheredRanks ranks on the
/// forward takes two calls instead, whose size does not grow with the ranks. Source: Chan, Golub, LeVeque, "Updating
/// formulae and a pairwise algorithm for computing sample variances", 1979.
///
/// Arrays on a GPU are merged there, in two calls in the current stream; the host only counts values with the others.
class CommunicatorStatistics final : public StatisticsReducer {
 public:
  static constexpr int kGatheredRanks = 16;

  /// `comm` must outlive this. `gathered_ranks` is for tests.
  explicit CommunicatorStatistics(Communicator& comm, int gathered_ranks = kGatheredRanks)
      : comm_(comm), gathered_ranks_(gathered_ranks) {}

  std::int64_t merge(const Array& mean, const Array& var, std::int64_t count) override;
  void sum(const Array& values) override;
  Communicator& comm() const { return comm_; }  ///< the ranks that the batch is spread over
  /// The calls, whose time goes for the most part to ranks that come later.
  const WaitLog& waits() const { return waits_; }

 private:
  std::int64_t merge_gathered(const Array& mean, const Array& var, double count);
  std::int64_t merge_in_two_calls(const Array& mean, const Array& var, double count);
  std::int64_t merge_on_gpu(const Array& mean, const Array& var, std::int64_t count);

  Communicator& comm_;
  const int gathered_ranks_;
  WaitLog waits_;
};

}  // namespace rensa
