#include "trainer/iterators/uneven_iterator.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"

namespace rensa {
namespace {

/// One rank's samples, batch size and fields as text, for the others.
std::string describe(std::int64_t samples, std::int64_t batch, const std::vector<FieldSpec>& fields) {
  std::ostringstream out;
  out << samples << ' ' << batch << ' ' << fields.size();
  for (const FieldSpec& field : fields) {
    out << ' ' << field.dtype << ' ' << static_cast<int>(field.layout) << ' ' << field.shape.ndim();
    for (const std::int64_t axis : field.shape) out << ' ' << axis;
  }
  return out.str();
}

FieldSpec read_field(std::istream& in) {
  FieldSpec field;
  std::string dtype;
  int layout = 0, ndim = 0;
  in >> dtype >> layout >> ndim;
  field.dtype = dtype_from_name(dtype);
  field.layout = static_cast<Layout>(layout);
  for (int i = 0; i < ndim; ++i) {
    std::int64_t axis = 0;
    in >> axis;
    field.shape.push_back(axis);
  }
  return field;
}

}  // namespace

std::int64_t UnevenIterator::RankPart::after(std::int64_t steps) const { return std::min(samples, steps * batch); }

UnevenIterator::UnevenIterator(std::shared_ptr<const Dataset> mine, IteratorOptions options,
                               const LoaderOptions& loader, Communicator& comm)
    : rank_(comm.rank()), padding_(options.padding) {
  if (!options.repeat || options.size != 1) {
    throw ValueError(
        "uneven iterator: every rank has a dataset of its own here and goes on from epoch to epoch: leave repeat, ",
        "rank and size as they are.");
  }
  if (options.batch_size < 1) throw ValueError("iterator: batch_size = ", options.batch_size, ", expected at least 1.");
  if (mine && mine->size() > 0) {
    options.short_tail = true;
    fields_ = mine->fields();
    mine_ = make_iterator(std::move(mine), options, loader);
  }
  const std::int64_t samples = mine_ ? mine_->epoch_size() : 0;
  for (const std::string& text : comm.all_gather_bytes(describe(samples, options.batch_size, fields_))) {
    std::istringstream in(text);
    RankPart part{};
    std::size_t fields = 0;
    in >> part.samples >> part.batch >> fields;
    parts_.push_back(part);
    steps_ = std::max(steps_, (part.samples + part.batch - 1) / part.batch);
    if (!fields_.empty()) continue;
    for (std::size_t i = 0; i < fields; ++i)
      fields_.push_back(read_field(in));  // a rank without samples learns what they are
  }
  if (steps_ == 0) throw ValueError("uneven iterator: no rank has any sample.");
}

std::int64_t UnevenIterator::position_after(std::int64_t steps) const {
  std::int64_t position = 0;
  for (const RankPart& part : parts_) position += part.after(steps);
  return position;
}

std::int64_t UnevenIterator::batch_size() const {
  std::int64_t size = 0;
  for (const RankPart& part : parts_) size += std::min(part.batch, part.samples);
  return size;
}

Batch UnevenIterator::no_samples() const {
  Batch batch;
  batch.fields = no_examples(fields_, padding_);
  return batch;
}

std::optional<Batch> UnevenIterator::next() {
  const auto count_of = [this](const RankPart& part) { return part.after(step_ + 1) - part.after(step_); };
  const std::int64_t count = count_of(parts_[static_cast<std::size_t>(rank_)]);
  Batch batch = count > 0 ? mine_->next().value() : no_samples();
  batch.first = batch.global_size = 0;
  for (std::size_t r = 0; r < parts_.size(); ++r) {
    if (static_cast<int>(r) < rank_) batch.first += count_of(parts_[r]);
    batch.global_size += count_of(parts_[r]);
  }
  state_.previous_epoch_detail = epoch_detail();
  state_.is_new_epoch = ++step_ == steps_;
  if (state_.is_new_epoch) {
    step_ = 0;
    ++state_.epoch;
  }
  state_.current_position = position_after(step_);
  return batch;
}

void UnevenIterator::reset() {
  state_ = {};
  step_ = 0;
  if (mine_) mine_->reset();
}

void UnevenIterator::restore(const IteratorState& state) {
  std::int64_t step = 0;
  while (step < steps_ && position_after(step) < state.current_position) ++step;
  if (step == steps_ || position_after(step) != state.current_position || state.epoch < 0) {
    throw ValueError(
        "iterator: position ", state.current_position, " of epoch ", state.epoch,
        " is no step's of these datasets. Was the snapshot made with other data, or on another number of ranks?");
  }
  state_ = state;
  state_.order.reset();  // each rank draws its own from seed and epoch
  step_ = step;
  if (!mine_) return;
  const RankPart& part = parts_[static_cast<std::size_t>(rank_)];
  const bool finished = part.after(step) == part.samples;  // it stands at the next epoch already
  mine_->restore({.current_position = finished ? 0 : part.after(step), .epoch = state.epoch + (finished ? 1 : 0)});
}

}  // namespace rensa
