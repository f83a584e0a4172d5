#include "trainer/iterators/batch_plan.h"

#include <algorithm>
#include <numeric>

#include "core/device/random.h"
#include "core/error.h"

namespace rensa {

std::vector<std::int64_t> epoch_permutation(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  RandomStream random(seed, Purpose::kShuffle, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

BatchPlan::BatchPlan(std::int64_t dataset_size, const IteratorOptions& options)
    : dataset_size_(dataset_size), epoch_size_(dataset_size), options_(options) {
  if (options.batch_size < 1) {
    throw ValueError("iterator: batch_size = ", options.batch_size, ", expected at least 1.");
  }
  if (options.size < 1 || options.rank < 0 || options.rank >= options.size) {
    throw ValueError("iterator: rank ", options.rank, " of ", options.size, " is not possible.");
  }
  if (options.repeat && options.batch_size < options.size) {
    throw ValueError("iterator: a batch of ", options.batch_size, " samples leaves some of ", options.size,
                     " ranks without any. Raise the batch size.");
  }
  if (dataset_size == 0 && options.repeat) throw ValueError("iterator: the dataset is empty.");
  if (options_.order_sampler && dataset_size > 0)
    epoch_size_ = std::ssize(options_.order_sampler(dataset_size, options.seed, 0));
  if (epoch_size_ == 0 && options.repeat) throw ValueError("iterator: the order sampler gives no samples.");
  reset();
}

void BatchPlan::reset() {
  state_ = {};
  draw_order();
}

void BatchPlan::draw_order() {
  if (!has_order() || dataset_size_ == 0) return;
  state_.order = std::make_shared<const std::vector<std::int64_t>>(
      options_.order_sampler ? sampled_order() : epoch_permutation(dataset_size_, options_.seed, state_.epoch));
}

std::vector<std::int64_t> BatchPlan::sampled_order() const {
  std::vector<std::int64_t> order = options_.order_sampler(dataset_size_, options_.seed, state_.epoch);
  if (std::ssize(order) != epoch_size_) {
    throw ValueError("iterator: the order sampler gives ", order.size(), " samples for epoch ", state_.epoch,
                     ", but gave ", epoch_size_, " for the first one. Give the same number for every epoch.");
  }
  if (are_samples(order)) return order;
  throw ValueError("iterator: the order sampler gives numbers outside 0 to ", dataset_size_ - 1, " for epoch ",
                   state_.epoch, "; expected numbers of the dataset's samples.");
}

bool BatchPlan::are_samples(const std::vector<std::int64_t>& order) const {
  return std::ranges::all_of(order, [this](std::int64_t i) { return i >= 0 && i < dataset_size_; });
}

void BatchPlan::restore(const IteratorState& state) {
  const bool is_position = state.current_position == 0 || state.current_position < epoch_size_;
  if (state.current_position < 0 || !is_position || state.epoch < 0) {
    throw ValueError("iterator: position ", state.current_position, " of epoch ", state.epoch,
                     " does not fit an epoch of ", epoch_size_, " samples. Was the snapshot made with other data?");
  }
  if (state.order && (std::ssize(*state.order) != epoch_size_ || !are_samples(*state.order))) {
    throw ValueError("iterator: an order of ", state.order->size(), " samples does not fit an epoch of ", epoch_size_,
                     ". Was the snapshot made with other data?");
  }
  state_ = state;
  if (!has_order()) state_.order.reset();
  if (has_order() && !state_.order) draw_order();
}

std::int64_t BatchPlan::at(std::int64_t position) const {
  return state_.order ? (*state_.order)[static_cast<std::size_t>(position)] : position;
}

std::optional<PlannedBatch> BatchPlan::next() {
  if (epoch_size_ == 0 || (!options_.repeat && state_.epoch > 0)) return std::nullopt;
  state_.previous_epoch_detail = static_cast<double>(state_.epoch) +
                                 static_cast<double>(state_.current_position) / static_cast<double>(epoch_size_);
  state_.is_new_epoch = false;
  const std::int64_t left = epoch_size_ - state_.current_position;
  PlannedBatch batch;
  batch.global_size =
      options_.repeat && !options_.short_tail ? options_.batch_size : std::min(options_.batch_size, left);
  batch.first = batch.global_size * options_.rank / options_.size;
  const std::int64_t end = batch.global_size * (options_.rank + 1) / options_.size;
  batch.samples.reserve(static_cast<std::size_t>(end - batch.first));
  for (std::int64_t i = 0; i < batch.global_size; ++i) {
    if (i >= batch.first && i < end) batch.samples.push_back({at(state_.current_position), state_.epoch});
    if (++state_.current_position < epoch_size_) continue;
    state_.current_position = 0;
    ++state_.epoch;
    state_.is_new_epoch = true;
    if (options_.repeat) draw_order();  // the last order stays with an iterator that ends here
  }
  batch.after = state_;
  return batch;
}

}  // namespace rensa
