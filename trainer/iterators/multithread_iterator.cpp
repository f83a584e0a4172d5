#include "trainer/iterators/multithread_iterator.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include "core/error.h"
#include "trainer/iterators/loader_thread.h"
#include "trainer/iterators/serial_iterator.h"

namespace rensa {

/// A batch on its way that threads load together. They take pieces of it from the front; the one whose piece is the
/// last to be loaded finishes it.
struct MultithreadIterator::Shared {
  explicit Shared(Loading what) : loading(std::move(what)) {}

  Loading loading;
  std::int64_t piece = 1;     // samples a thread takes at once: cheap samples are not worth a lock each
  std::int64_t untaken = 0;   // first sample that no thread has taken
  std::int64_t unloaded = 0;  // samples
  bool finished = false;
  std::exception_ptr error;  // of the first sample in the batch that failed, whichever thread was first
  std::int64_t error_position = 0;

  std::int64_t size() const { return std::ssize(loading.planned.samples); }  // finish() may leave some out of the batch
  bool has_work() const { return untaken < size(); }
};

MultithreadIterator::MultithreadIterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options,
                                         const LoaderOptions& loader)
    : DatasetIterator(std::move(dataset), options), loader_(loader) {
  if (loader.threads < 1) throw ValueError("iterator: ", loader.threads, " loader threads; expected at least 1.");
  if (loader.prefetch < 1) throw ValueError("iterator: prefetch = ", loader.prefetch, "; expected at least 1.");
  start_threads(loader.threads);
}

MultithreadIterator::~MultithreadIterator() { stop_threads(); }

void MultithreadIterator::stop_threads() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void MultithreadIterator::start_threads(int count) {
  try {
    for (int i = 0; i < count; ++i) threads_.push_back(loader_thread("rensa-loader", [this] { work(); }));
  } catch (const std::system_error& error) {
    stop_threads();
    throw ValueError(
        "iterator: ", threads_.size(), " of ", count, " loader threads could be started: ", error.what(),
        ". Ask for fewer (loaderjob), or raise the limit on processes (ulimit -u, or that of a container).");
  }
}

void MultithreadIterator::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [](const auto& loading) { return loading->has_work(); };
    work_.wait(lock, [&] { return stop_ || std::ranges::any_of(loadings_, has_work); });
    if (stop_) return;
    const std::shared_ptr<Shared> loading = *std::ranges::find_if(loadings_, has_work);
    const std::int64_t first = loading->untaken;
    const std::int64_t last = std::min(first + loading->piece, loading->size());
    loading->untaken = last;
    lock.unlock();
    load_samples(*loading, first, last);
    lock.lock();
    loading->unloaded -= last - first;
    if (loading->unloaded > 0) continue;
    lock.unlock();
    finish_batch(*loading);
    lock.lock();
    loading->finished = true;
    done_.notify_one();
  }
}

void MultithreadIterator::load_samples(Shared& loading, std::int64_t first, std::int64_t last) {
  std::int64_t position = first;
  try {
    for (; position < last; ++position) load(loading.loading, position);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!loading.error || position < loading.error_position) {
      loading.error = std::current_exception();
      loading.error_position = position;
    }
  }
}

/// All its samples are loaded, and no other thread looks at it.
void MultithreadIterator::finish_batch(Shared& loading) {
  if (loading.error) return;
  try {
    finish(loading.loading);
  } catch (...) {
    loading.error = std::current_exception();
  }
}

void MultithreadIterator::plan_ahead() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (static_cast<int>(loadings_.size()) > loader_.prefetch) return;
    }
    std::optional<PlannedBatch> planned = plan_.next();
    if (!planned) return;
    auto loading = std::make_shared<Shared>(begin(std::move(*planned)));
    loading->unloaded = loading->size();
    loading->finished = loading->size() == 0;
    if (loading->finished) finish_batch(*loading);  // no thread will
    loading->piece = std::max<std::int64_t>(1, loading->size() / (4 * loader_.threads));
    {
      const std::lock_guard lock(mutex_);
      loadings_.push_back(std::move(loading));
    }
    work_.notify_all();
  }
}

std::optional<Batch> MultithreadIterator::next() {
  plan_ahead();
  std::shared_ptr<Shared> loading;
  {
    std::unique_lock lock(mutex_);
    if (loadings_.empty()) return std::nullopt;
    done_.wait(lock, [this] { return loadings_.front()->finished; });
    loading = std::move(loadings_.front());
    loadings_.pop_front();
  }
  given_ = loading->loading.planned.after;
  if (loading->error) std::rethrow_exception(loading->error);
  return std::move(loading->loading.batch);
}

void MultithreadIterator::drop_planned() {
  const std::lock_guard lock(mutex_);
  loadings_.clear();  // a thread that still loads a piece holds its batch alive
}

void MultithreadIterator::reset() {
  drop_planned();
  plan_.reset();
  given_ = plan_.state();
}

void MultithreadIterator::restore(const IteratorState& state) {
  plan_.restore(state);  // first: it may refuse, and then nothing has changed
  drop_planned();
  given_ = plan_.state();
}

std::unique_ptr<Iterator> make_iterator(std::shared_ptr<const Dataset> dataset, const IteratorOptions& options,
                                        const LoaderOptions& loader) {
  if (loader.threads == 0) return std::make_unique<SerialIterator>(std::move(dataset), options);
  return std::make_unique<MultithreadIterator>(std::move(dataset), options, loader);
}

}  // namespace rensa
