#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "trainer/iterators/dataset_iterator.h"

namespace rensa {

/// Options of MultithreadIterator.
struct LoaderOptions {
  int threads = 1;
  int prefetch = 2;  ///< batches loaded ahead of the one that next() gives
};

/// Loads batches ahead with threads. Order and contents are those of SerialIterator, whatever the number of threads.
/// An exception of a loader arrives in the next() that would have given the batch; the batch after it can still be
/// asked for. The threads run no parallel region of OpenMP, so the compute threads keep their cores to themselves, and
/// take no signals. One thread may call this object.
class MultithreadIterator final : public DatasetIterator {
 public:
  /// Throws ValueError if threads or prefetch is below 1, or the system gives fewer threads.
  MultithreadIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options,
                      const LoaderOptions& loader);
  ~MultithreadIterator() override;

  std::optional<Batch> next() override;
  void reset() override;
  void restore(const IteratorState& state) override;

 private:
  struct Shared;
  void start_threads(int count);
  void stop_threads();
  void plan_ahead();
  void drop_planned();
  void work();
  void load_samples(Shared& loading, std::int64_t first, std::int64_t last);
  void finish_batch(Shared& loading);

  const LoaderOptions loader_;
  std::mutex mutex_;  // guards what follows, and the counters of every Shared
  std::condition_variable work_, done_;
  std::deque<std::shared_ptr<Shared>> loadings_;  // oldest first
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

/// A MultithreadIterator, or with threads = 0 a SerialIterator.
std::unique_ptr<Iterator> make_iterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options,
                                        const LoaderOptions& loader);

}  // namespace rensa
