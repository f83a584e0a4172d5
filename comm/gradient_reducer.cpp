#include "comm/gradient_reducer.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "core/error.h"

namespace rensa {
namespace {

/// x *= factor on the calling thread alone: the compute threads are busy with backward.
void scale(const Array& x, double factor) {
  const auto apply = [&](auto* values, auto by) {
    for (std::int64_t i = 0; i < x.size(); ++i) values[i] *= by;
  };
  switch (x.dtype()) {
    case Dtype::kFloat32: return apply(x.data<float>(), static_cast<float>(factor));
    case Dtype::kFloat64: return apply(x.data<double>(), factor);
    default: throw DtypeError("gradients of dtype ", x.dtype(), " cannot be averaged, expected float32 or float64.");
  }
}

std::string describe(const ParameterArena::Slot& slot) {
  return detail::join(slot.parameter->name(), " ", slot.parameter->shape(), " ", slot.parameter->dtype());
}

}  // namespace

GradientReducer::GradientReducer(Communicator& comm, const ReducerOptions& options)
    : comm_(comm), own_comm_(comm.split(0, comm.rank())), options_(options) {
  if (comm_.size() > 1 && options_.overlap) thread_ = std::jthread([this] { run(); });
}

GradientReducer::~GradientReducer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  detach();
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
  while (std::getline(a, line_a) && std::getline(b, line_b) && line_a == line_b) {}
  throw CommError("the model differs between ranks: rank ", comm_.rank(), " has the parameter \"", line_a,
                  "\" where rank 0 has \"", line_b, "\". Build the same model on every rank.");
}

void GradientReducer::start_step() {
  for (Bucket& bucket : buckets_) bucket.pending = bucket.slots.size();
  for (auto& [parameter, member] : members_) member.ready = false;
  finished_.clear();
  released_ = 0;
  const std::lock_guard lock(mutex_);
  reduced_ = 0;
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
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    while (released_ < order_.size() && buckets_[order_[released_]].pending == 0) {
      queue_.push_back(order_[released_++]);
      ++count;
    }
  }
  if (count > 0) changed_.notify_all();
}

void GradientReducer::reduce(Bucket& bucket) {
  bucket.times.started = Clock::now();
  if (options_.communicate) {
      scale(bucket.gradients, 1.0 / own_comm_->size());
    own_comm_->all_reduce(bucket.gradients);
  }
  bucket.times.finished = Clock::now();
}

void GradientReducer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const std::size_t next = queue_.front();
    queue_.pop_front();
    lock.unlock();
    std::exception_ptr error;
    try {
      reduce(buckets_[next]);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    ++reduced_;
    if (error && !error_) error_ = error;
    changed_.notify_all();
  }
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
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reduced_ == buckets_.size() || error_; });
    if (error_) std::rethrow_exception(error_);
  } else {
    for (const std::size_t b : order_) reduce(buckets_[b]);
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
