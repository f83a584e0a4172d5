#include "comm/gradient_reducer.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "core/error.h"

namespace rensa {
namespace {

std::string describe(const ParameterArena::Slot& slot) {
  return detail::join(slot.parameter->name(), " ", slot.parameter->shape(), " ", slot.parameter->dtype());
}

}  // namespace

GradientReducer::GradientReducer(Communicator& comm, const ReducerOptions& options) : comm_(comm), options_(options) {
  if (comm.size() > 1) thread_.emplace(comm.split(0, comm.rank()));
}

void GradientReducer::attach(const std::vector<ParameterArena>& arenas) {
  detach();
  buckets_.clear();
  members_.clear();
  for (const ParameterArena& arena : arenas) cut(arena);
  order_.resize(buckets_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  order_is_agreed_ = false;
  if (comm_.size() == 1) return;
  check_ranks_agree();
  start_step();
  if (!options_.overlap) return;
  for (auto& [parameter, member] : members_) {
    member.slot.parameter->on_gradient([this, key = parameter](const Variable&) { gradient_is_ready(key); });
  }
}

void GradientReducer::detach() {
  for (auto& [parameter, member] : members_) member.slot.parameter->on_gradient(nullptr);
}

void GradientReducer::cut(const ParameterArena& arena) {
  const std::size_t item = item_size(arena.gradients.dtype());
  const auto& slots = arena.slots;
  for (std::size_t first = 0; first < slots.size();) {
    const std::size_t most = buckets_.empty() ? options_.first_bucket_bytes : options_.bucket_bytes;
    Bucket bucket;
    std::size_t last = first;
    std::size_t bytes = 0;
    for (; last < slots.size() && bytes < most; ++last) {
      bytes += static_cast<std::size_t>(slots[last].size) * item;
      bucket.slots.push_back(slots[last]);
      members_[slots[last].parameter] = {.bucket = buckets_.size(), .slot = slots[last], .ready = false};
    }
    const std::int64_t end = last < slots.size() ? slots[last].offset : arena.gradients.size();
    bucket.gradients = arena.gradients.slice(0, {.start = slots[first].offset, .stop = end});
    bucket.times.bytes = bucket.gradients.bytes();
    buckets_.push_back(std::move(bucket));
    first = last;
  }
}

void GradientReducer::check_ranks_agree() const {
  std::ostringstream mine;
  for (const Bucket& bucket : buckets_) {
    for (const auto& slot : bucket.slots) mine << describe(slot) << '\n';
  }
  const std::string theirs = comm_.broadcast_bytes(mine.str(), 0);
  if (theirs == mine.str()) return;
  std::istringstream a(mine.str()), b(theirs);
  std::string line_a, line_b;
  while (std::getline(a, line_a) && std::getline(b, line_b) && line_a == line_b) {
  }
  throw CommError("the model differs between ranks: rank ", comm_.rank(), " has the parameter \"", line_a,
                  "\" where rank 0 has \"", line_b, "\". Build the same model on every rank.");
}

void GradientReducer::start_step() {
  for (Bucket& bucket : buckets_) bucket.pending = bucket.slots.size();
  for (auto& [parameter, member] : members_) member.ready = false;
  finished_.clear();
  works_.clear();
}

void GradientReducer::gradient_is_ready(const Parameter* parameter) {
  Member& member = members_.at(parameter);
  if (member.ready) {
    throw GraphError("a second backward() before update(): the gradient of ", describe(member.slot),
                     " may have left already. To add up several backward passes, switch overlap off.");
  }
  complete(member);
  release_ready_buckets();
}

void GradientReducer::complete(Member& member) {
  ParameterArena::complete_gradient(member.slot);
  member.ready = true;
  Bucket& bucket = buckets_[member.bucket];
  if (--bucket.pending > 0) return;
  bucket.times.ready = Clock::now();
  finished_.push_back(member.bucket);
}

void GradientReducer::release_ready_buckets() {
  while (works_.size() < order_.size() && buckets_[order_[works_.size()]].pending == 0) {
    Bucket& bucket = buckets_[order_[works_.size()]];
    works_.push_back(thread_->start(
        [this, &bucket, dtype = travels_as(bucket)](Communicator& comm) { reduce(bucket, comm, dtype); }));
  }
}

Dtype GradientReducer::travels_as(const Bucket& bucket) const {
  return comm_.config().allreduce_grad_dtype().value_or(bucket.gradients.dtype());
}

void GradientReducer::reduce(Bucket& bucket, Communicator& comm, Dtype travels_as) const {
  bucket.times.started = Clock::now();
  if (options_.communicate) {
    const Array sent = bucket.gradients.to(travels_as);  // itself, unless the dtype differs
    comm.all_reduce(sent, Reduce::kMean);
    if (travels_as != bucket.gradients.dtype()) bucket.gradients.copy_from(sent);
  }
  bucket.times.finished = Clock::now();
}

void GradientReducer::finish() {
  if (comm_.size() == 1) return;
  for (const std::size_t b : order_) {
    for (const auto& slot : buckets_[b].slots) {
      Member& member = members_.at(slot.parameter);
      if (!member.ready) complete(member);
    }
  }
  if (options_.overlap) {
    release_ready_buckets();
    for (const Work& work : works_) work.wait();
  } else {
    for (const std::size_t b : order_) reduce(buckets_[b], thread_->communicator(), travels_as(buckets_[b]));
  }
  if (!order_is_agreed_) agree_on_order();
  start_step();
}

void GradientReducer::agree_on_order() {
  Array order = empty({static_cast<std::int64_t>(finished_.size())}, Dtype::kInt64);
  std::transform(finished_.begin(), finished_.end(), order.data<std::int64_t>(),
                 [](std::size_t b) { return static_cast<std::int64_t>(b); });
  comm_.broadcast(order, 0);
  std::transform(order.data<std::int64_t>(), order.data<std::int64_t>() + order.size(), order_.begin(),
                 [](std::int64_t b) { return static_cast<std::size_t>(b); });
  order_is_agreed_ = true;
}

std::vector<GradientReducer::BucketTimes> GradientReducer::last_times() const {
  std::vector<BucketTimes> times;
  for (const std::size_t b : order_) times.push_back(buckets_[b].times);
  return times;
}

}  // namespace rensa
