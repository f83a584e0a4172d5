#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/device/gpu/stream.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// Brings the batches of another iterator to a GPU ahead of the steps that use them: a thread of its own takes them and
/// copies their floating fields, and pictures in 8 bits, in a stream of its own, while the GPU computes. Other whole
/// numbers (class numbers, words) stay on the host, where the functions that take them look at them. Order, contents
/// and state are the other iterator's. One thread may call this object.
class PrefetchIterator final : public Iterator {
 public:
  /// `ahead` batches are on the device beside the one that is in use. Throws DeviceError if the device is not there,
  /// ValueError for ahead below 1.
  PrefetchIterator(std::unique_ptr<Iterator> source, Device device, int ahead = 2);
  PrefetchIterator(const PrefetchIterator&) = delete;
  PrefetchIterator& operator=(const PrefetchIterator&) = delete;
  ~PrefetchIterator() override;

  /// The batch may be used in the calling thread's current stream. What the other iterator threw arrives here.
  std::optional<Batch> next() override;
  void reset() override;
  const IteratorState& state() const override { return given_; }
  bool is_of_one_rank() const override { return source_->is_of_one_rank(); }
  void restore(const IteratorState& state) override;
  std::int64_t epoch_size() const override { return source_->epoch_size(); }
  std::int64_t batch_size() const override { return source_->batch_size(); }

 private:
  struct Ready {
    std::optional<Batch> batch;  ///< none: the end
    IteratorState state;         ///< of the source, after it
    gpu::Event copied;
    std::exception_ptr error;
    explicit Ready(Device device) : copied(device) {}
  };
  void stop();
  void work();
  Ready take_one();

  std::unique_ptr<Iterator> source_;
  const Device device_;
  const std::size_t ahead_;
  gpu::OwnedStream stream_;
  IteratorState given_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<Ready> ready_;
  bool stopping_ = false;
  std::thread thread_;  ///< runs from the first next() on
};

}  // namespace rensa
