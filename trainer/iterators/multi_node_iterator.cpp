#include "trainer/iterators/multi_node_iterator.h"

#include <string>

#include "comm/array_messages.h"
#include "core/error.h"

namespace rensa {

MultiNodeIterator::MultiNodeIterator(std::unique_ptr<Iterator> base, Communicator& comm, int rank_master)
    : base_(comm.rank() == rank_master ? std::move(base) : nullptr), comm_(comm), master_(rank_master) {
  if (rank_master < 0 || rank_master >= comm.size()) {
    throw ValueError("multi-node iterator: the master is rank ", rank_master, " of ", comm.size(), " ranks.");
  }
  const Array sizes =
      array<std::int64_t>({base_ ? 1 : 0, base_ ? base_->epoch_size() : 0, base_ ? base_->batch_size() : 0});
  comm.broadcast(sizes, master_);
  const auto* const told = sizes.data<std::int64_t>();
  if (told[0] == 0) throw ValueError("multi-node iterator: rank ", master_, ", the master, was given no iterator.");
  epoch_size_ = told[1];
  batch_size_ = told[2];
  share_state();
}

void MultiNodeIterator::share_state() {
  const Array whole = zeros({3}, Dtype::kInt64), fraction = zeros({1}, Dtype::kFloat64);
  auto* const numbers = whole.data<std::int64_t>();
  if (is_master()) {
    const IteratorState& here = base_->state();
    numbers[0] = here.current_position;
    numbers[1] = here.epoch;
    numbers[2] = here.is_new_epoch;
    fraction.data<double>()[0] = here.previous_epoch_detail;
  }
  comm_.broadcast(whole, master_);
  comm_.broadcast(fraction, master_);
  state_ = {.current_position = numbers[0],
            .epoch = numbers[1],
            .is_new_epoch = numbers[2] != 0,
            .previous_epoch_detail = fraction.data<double>()[0]};
}

std::optional<Batch> MultiNodeIterator::next() {
  std::optional<Batch> batch;
  if (is_master()) batch = base_->next();
  const Array form = array<std::int64_t>({batch ? std::ssize(batch->fields) : -1, batch && batch->is_mixed ? 1 : 0});
  comm_.broadcast(form, master_);
  share_state();
  const std::int64_t fields = form.data<std::int64_t>()[0];
  if (fields < 0) return std::nullopt;
  if (!is_master()) {
    batch.emplace();
    batch->fields.resize(static_cast<std::size_t>(fields));
    batch->is_mixed = form.data<std::int64_t>()[1] != 0;
  }
  for (Array& field : batch->fields) field = broadcast_array(comm_, field, master_);
  Array indices = array(batch->indices, {batch->size()});
  indices = broadcast_array(comm_, indices, master_);
  batch->indices = to_vector<std::int64_t>(indices);
  batch->first = 0;
  batch->global_size = batch->size() * comm_.size();
  return batch;
}

void MultiNodeIterator::reset() {
  if (is_master()) base_->reset();
  share_state();
}

void MultiNodeIterator::restore(const IteratorState& state) {
  std::string refused;
  if (is_master()) {
    try {
      base_->restore(state);
    } catch (const Error& error) {
      refused = error.what();
    }
  }
  refused = comm_.broadcast_bytes(refused, master_);
  if (!refused.empty()) throw ValueError(refused);
  share_state();
}

std::unique_ptr<Iterator> create_multi_node_iterator(std::unique_ptr<Iterator> base, Communicator& comm,
                                                     int rank_master) {
  return std::make_unique<MultiNodeIterator>(std::move(base), comm, rank_master);
}

std::unique_ptr<Iterator> create_synchronized_iterator(std::shared_ptr<const Dataset> mine, IteratorOptions options,
                                                       const LoaderOptions& loader, Communicator& comm) {
  if (options.size != 1 || options.rank != 0) {
    throw ValueError("synchronized iterator: every rank takes whole batches here: leave rank and size as they are.");
  }
  const auto size = static_cast<double>(mine->size());
  const Array largest = full({1}, size, Dtype::kInt64), smallest = full({1}, size, Dtype::kInt64);
  comm.all_reduce(largest, Reduce::kMax);
  comm.all_reduce(smallest, Reduce::kMin);
  if (largest.item<std::int64_t>() != smallest.item<std::int64_t>()) {
    throw ValueError("synchronized iterator: the ranks' datasets have ", smallest.item<std::int64_t>(), " to ",
                     largest.item<std::int64_t>(),
                     " samples; expected the same number, so that sample i is the same thing on all.");
  }
  const std::string seed = comm.broadcast_bytes(std::to_string(options.seed), 0);
  options.seed = std::stoull(seed);
  return make_iterator(std::move(mine), options, loader);
}

}  // namespace rensa
