#include "trainer/iterators/prefetch_iterator.h"

#include "core/device/gpu/transfer.h"
#include "core/error.h"
#include "trainer/iterators/loader_thread.h"

namespace rensa {

PrefetchIterator::PrefetchIterator(std::unique_ptr<Iterator> source, Device device, int ahead)
    : source_(std::move(source)),
      device_(device),
      ahead_(static_cast<std::size_t>(ahead)),
      stream_(device),
      given_(source_->state()) {
  if (ahead < 1) throw ValueError("iterator: ", ahead, " batches ahead; expected at least 1.");
}

PrefetchIterator::~PrefetchIterator() { stop(); }

void PrefetchIterator::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  ready_.clear();
  stopping_ = false;
}

PrefetchIterator::Ready PrefetchIterator::take_one() {
  Ready ready(device_);
  try {
    ready.batch = source_->next();
    if (ready.batch) {
      for (Array& field : ready.batch->fields) {
        if (field && (is_floating(field.dtype()) || field.dtype() == Dtype::kUInt8))
          field = gpu::uploaded(field, stream_);
      }
    }
    ready.copied.record(stream_);
  } catch (...) {
    ready.error = std::current_exception();
  }
  ready.state = source_->state();
  return ready;
}

void PrefetchIterator::work() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || ready_.size() < ahead_; });
      if (stopping_) return;
    }
    Ready ready = take_one();
    const bool last = !ready.batch && !ready.error;
    {
      const std::lock_guard lock(mutex_);
      ready_.push_back(std::move(ready));
    }
    changed_.notify_all();
    if (last) return;
  }
}

std::optional<Batch> PrefetchIterator::next() {
  if (!thread_.joinable()) thread_ = loader_thread("rensa-upload", [this] { work(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty(); });
  const bool at_end = !ready_.front().batch && !ready_.front().error;
  if (at_end) {  // stays there: every later call meets it again
    given_ = ready_.front().state;
    return std::nullopt;
  }
  Ready ready = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  given_ = ready.state;
  if (ready.error) std::rethrow_exception(ready.error);
  const gpu::Stream computing = gpu::current_stream(device_);
  ready.copied.wait_on(computing);
  // The memory belongs to the upload's stream: it is not written again before the step that uses it is through.
  for (const Array& field : ready.batch->fields) {
    if (field) gpu::record_use(field, computing);
  }
  return std::move(ready.batch);
}

void PrefetchIterator::reset() {
  stop();
  source_->reset();
  given_ = source_->state();
}

void PrefetchIterator::restore(const IteratorState& state) {
  stop();
  source_->restore(state);
  given_ = source_->state();
}

}  // namespace rensa
