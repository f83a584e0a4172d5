#include "comm/gradients/carried_updates.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace rensa {
namespace {

constexpr int kStepsToWatch = 4;  ///< the first ones, whose memory is new, tell little

}  // namespace

std::vector<std::size_t> order_by_need(const std::vector<double>& ready, const std::vector<double>& duration,
                                       const std::vector<std::size_t>& read) {
  std::vector<std::size_t> turn(ready.size(), read.size());
  for (std::size_t i = 0; i < read.size(); ++i) turn[read[i]] = i;
  std::vector<std::size_t> rest(ready.size()), order;
  for (std::size_t b = 0; b < rest.size(); ++b) rest[b] = b;
  double now = 0;
  while (!rest.empty()) {
    const auto first = std::min_element(rest.begin(), rest.end(), [&](auto a, auto b) { return ready[a] < ready[b]; });
    now = std::max(now, ready[*first]);
    const auto next = std::min_element(rest.begin(), rest.end(), [&](auto a, auto b) {
      const bool a_waits = ready[a] <= now, b_waits = ready[b] <= now;
      return a_waits != b_waits ? a_waits : turn[a] < turn[b];
    });
    now += duration[*next];
    order.push_back(*next);
    rest.erase(next);
  }
  return order;
}

CarriedUpdates::~CarriedUpdates() {
  for (std::size_t b = 0; b < updates_.size(); ++b) {
    if (updates_[b]) remove_gates(b);
  }
}

void CarriedUpdates::remove_gates(std::size_t b) {
  for (const auto& slot : reducer_.buckets()[b].slots) slot.parameter->set_read_gate(nullptr);
}

void CarriedUpdates::carry() {
  reducer_.carry();
  if (++steps_ == kStepsToWatch) plan_order();
  optimizer_.start_update();
  const auto& buckets = reducer_.buckets();
  while (gates_.size() < buckets.size()) gates_.emplace_back(*this, gates_.size());
  updates_.clear();
  times_.resize(buckets.size());
  read_.clear();
  for (const GradientBucket& bucket : buckets) {
    updates_.push_back(
        optimizer_.start_slots(bucket.arena, bucket.first_slot, bucket.first_slot + bucket.slots.size()));
    for (const auto& slot : bucket.slots) slot.parameter->set_read_gate(&gates_[bucket.number]);
  }
}

void CarriedUpdates::settle() {
  for (std::size_t b = 0; b < updates_.size(); ++b) settle(b);
}

double CarriedUpdates::settle(std::size_t b) {
  if (!updates_[b]) return 0;
  remove_gates(b);
  const std::function<void()> update = std::exchange(updates_[b], nullptr);
  read_.push_back(b);
  const double waited = reducer_.arrive(b);
  times_[b] = reducer_.times(b);
  update();
  return waited;
}

void CarriedUpdates::plan_order() {
  const std::size_t count = reducer_.buckets().size();
  const Array numbers = empty({static_cast<std::int64_t>(count)}, Dtype::kInt64);
  if (comm_.rank() == 0) {
    std::vector<double> ready, duration;
    BucketTimes::Clock::time_point begin = times_.front().ready;
    for (const BucketTimes& times : times_) begin = std::min(begin, times.ready);
    for (const BucketTimes& times : times_) {
      ready.push_back(std::chrono::duration<double>(times.ready - begin).count());
      duration.push_back(std::chrono::duration<double>(times.finished - times.started).count());
    }
    const std::vector<std::size_t> order = order_by_need(ready, duration, read_);
    std::transform(order.begin(), order.end(), numbers.data<std::int64_t>(),
                   [](std::size_t b) { return static_cast<std::int64_t>(b); });
  }
  comm_.broadcast(numbers, 0);
  std::vector<std::size_t> order;
  for (const std::int64_t b : to_vector<std::int64_t>(numbers)) order.push_back(static_cast<std::size_t>(b));
  reducer_.set_order(order);
}

}  // namespace rensa
