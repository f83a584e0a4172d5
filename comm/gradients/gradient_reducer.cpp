#include "comm/gradients/gradient_reducer.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "comm/gpu/gpu_transport.h"
#include "comm/gradients/compression/gradient_compression.h"
#include "core/error.h"
#include "core/optimizers/present_parameters.h"

namespace rensa {
namespace {

std::string describe(const ParameterArena::Slot& slot) {
  return detail::join(slot.parameter->name(), " ", slot.parameter->shape(), " ", slot.parameter->dtype());
}

/// Gradients that have no place of their own, after they were sent: on a GPU another stream may still be sending them.
void let_go(Array& gradients) {
  if (gradients.device().kind == DeviceKind::kCuda) gpu::record_use(gradients, gpu::current_stream(gradients.device()));
  gradients = Array();
}

/// Where a word about the parameter travels along with its gradient: the element behind it.
Array flag_of(const ParameterArena::Slot& slot, const Array& gradients, std::int64_t begin) {
  const std::int64_t at = slot.offset + slot.size - begin;
  return gradients.slice(0, {.start = at, .stop = at + 1});
}

}  // namespace

GradientReducer::GradientReducer(Communicator& comm, const ReducerOptions& options) : comm_(comm), options_(options) {
  check_options(options);
  check_form();
  if (comm.size() > 1) thread_.emplace(comm.split(0, comm.rank()));
}

void GradientReducer::check_form() const {
  if (!options_.compression || !comm_.config().allreduce_grad_dtype()) return;
  throw ValueError("compression and allreduce_grad_dtype exclude each other: ", options_.compression->name(),
                   " has a form of its own, found allreduce_grad_dtype = ", *comm_.config().allreduce_grad_dtype(),
                   ". Leave one of them out.");
}

void GradientReducer::attach(Optimizer& optimizer, const std::vector<Parameter*>& order) {
  detach();
  optimizer_ = &optimizer;
  if (order.empty()) compressing_ = false;  // they will be cut anew, and what is left out would be lost
  buckets_.clear();
  members_.clear();
  in_arenas_.clear();
  seen_.clear();
  const std::vector<ParameterArena>& arenas = optimizer.arenas();
  for (std::size_t a = 0; a < arenas.size(); ++a) {
    for (const ParameterArena::Slot& slot : arenas[a].slots) {
      members_[slot.parameter] = {.buckets = {}, .slot = slot};
      in_arenas_.push_back(slot.parameter);
    }
    for (GradientBucket& bucket : cut_arena(arenas[a], options_, parts())) {
      bucket.number = buckets_.size();
      bucket.arena = a;
      if (arenas[a].gradients) {
        bucket.gradients = arenas[a].gradients.slice(0, {.start = bucket.begin, .stop = bucket.end});
      }
      for (const auto& slot : bucket.slots) members_.at(slot.parameter).buckets.push_back(bucket.number);
      buckets_.push_back(std::move(bucket));
    }
  }
  progress_.assign(buckets_.size(), {});
  for (const GradientBucket& bucket : buckets_) {
    progress_[bucket.number].times.bytes =
        static_cast<std::size_t>(bucket.end - bucket.begin) * item_size(arenas[bucket.arena].values.dtype());
  }

  std::unordered_map<const Parameter*, std::size_t> turn;
  for (const Parameter* parameter : order) turn.emplace(parameter, turn.size());
  for (const Parameter* parameter : in_arenas_) turn.emplace(parameter, turn.size());
  std::vector<std::size_t> last_turn;
  for (const GradientBucket& bucket : buckets_) {
    std::size_t latest = 0;
    for (const auto& slot : bucket.slots) latest = std::max(latest, turn.at(slot.parameter));
    last_turn.push_back(latest);
  }
  order_.resize(buckets_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::size_t a, std::size_t b) { return last_turn[a] < last_turn[b]; });

  start_step();
  if (comm_.size() == 1) return;
  check_ranks_agree();
  for (const ParameterArena& arena : arenas) {
    if (options_.compression) check_compressible(arena);
    if (!arena.gradients) continue;
    if (auto registration = thread_->register_memory(arena.gradients))
      registrations_.push_back(std::move(registration));
  }
  if (options_.compression) options_.compression->attach(buckets_);
  for (Parameter* parameter : in_arenas_) {
    parameter->on_gradient([this, parameter](const Variable&) { gradient_is_ready(parameter); },
                           GradientMoment::kEarly);
    parameter->before_gradient([this, parameter] {
      if (const Member* member = member_of(parameter)) check_may_change(*member);
    });
  }
}

void GradientReducer::check_compressible(const ParameterArena& arena) const {
  if (arena.values.device().kind != DeviceKind::kCpu) {
    throw DeviceError("gradient compression works on arrays of the host, but the parameters are on ",
                      arena.values.device(), ". Leave compression out; allreduce_grad_dtype halves what travels.");
  }
  if (is_half(arena.values.dtype())) {
    throw DtypeError(options_.compression->name(), ": gradients of float32 or float64 can be compressed, found ",
                     describe(arena.slots.front()), ". Leave compression out: 16 bits are half of what travels.");
  }
}

void GradientReducer::detach() {
  forget_works();
  registrations_.clear();
  forget_removed();
  for (Parameter* parameter : in_arenas_) {
    parameter->on_gradient(nullptr);
    parameter->before_gradient(nullptr);
  }
}

void GradientReducer::forget_works() {
  for (const std::vector<Work>* works : {&works_, &carried_}) {
    for (const Work& work : *works) {
      try {
        work.wait();
      } catch (...) {  // NOLINT(bugprone-empty-catch): whoever needed these gradients was told, or nobody does
      }
    }
  }
  works_.clear();
  carried_.clear();
}

void GradientReducer::forget_removed() {
  if (in_arenas_.empty()) return;
  const auto present = present_parameters(optimizer_->model());
  for (auto& [parameter, member] : members_) member.removed = member.removed || !member.slot.is_among(present);
  const auto is_removed = [&](const Parameter* parameter) { return members_.at(parameter).removed; };
  std::erase_if(in_arenas_, is_removed);
  std::erase_if(seen_, is_removed);
}

void GradientReducer::check_ranks_agree() const {
  std::ostringstream mine;
  for (const Parameter* parameter : in_arenas_) mine << describe(members_.at(parameter).slot) << '\n';
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
  for (const GradientBucket& bucket : buckets_) progress_[bucket.number].pending = bucket.slots.size();
  for (auto& [parameter, member] : members_) member.ready = false;
  has_gradients_ = false;
  works_.clear();
}

/// Those that were cleared behind their backward() do not, unless they may have left.
bool GradientReducer::gradients_wait() {
  if (!has_gradients_) return false;
  forget_removed();
  return std::any_of(members_.begin(), members_.end(), [](const auto& entry) {
    const auto& [parameter, member] = entry;
    return member.ready || (!member.removed && parameter->grad());
  });
}

void GradientReducer::set_weight(double weight) {
  const double factor = weight * comm_.size();
  if (factor != factor_ && gradients_wait()) {
    throw GraphError("set_weight(", weight, ") behind a backward() whose gradients wait for update(), with the weight ",
                     factor_ / comm_.size(),
                     ": one weight counts for a step. Set it before the step's first backward(); "
                     "give pieces of a step their share by backward(loss, share).");
  }
  factor_ = factor;
}

GradientReducer::Member* GradientReducer::member_of(const Parameter* parameter) {
  const auto found = members_.find(parameter);
  return found == members_.end() || found->second.removed ? nullptr : &found->second;
}

void GradientReducer::check_may_change(const Member& member) const {
  if (!leave_at_once() || !member.ready) return;
  throw GraphError("a second backward() before update(): the gradient of ", describe(member.slot),
                   " may have left already. To add up several backward passes, put all but the last one in a NoSync "
                   "scope, or switch overlap off.");
}

void GradientReducer::gradient_is_ready(Parameter* parameter) {
  has_gradients_ = true;
  Member* const member = member_of(parameter);
  if (!member) return;
  check_may_change(*member);  // by a backward() inside another, which has begun before
  if (accumulating_) return;
  if (!member->seen) seen_.push_back(parameter);
  member->seen = true;
  if (!leave_at_once()) return;
  complete(*member);
  release_ready_buckets();
}

void GradientReducer::complete(Member& member) {
  Parameter* const parameter = member.removed ? nullptr : member.slot.parameter;
  // Of another shape than its place: update() takes it in with its gradient, and zeros travel until then.
  const bool is_reshaped = parameter && parameter->shape() != member.slot.shape;
  const bool used = parameter && !is_reshaped && parameter->grad();
  if (parameter) ParameterArena::complete_gradient(member.slot);
  const bool has_place = parameter && parameter->grad_destination();
  member.ready = true;
  for (const std::size_t b : member.buckets) {
    GradientBucket& bucket = buckets_[b];
    const Array& arena = optimizer_->arenas()[bucket.arena].gradients;
    if ((!parameter || is_reshaped) && arena) ParameterArena::view(arena, member.slot).fill(0);
    if (!has_place) take_in(member.slot, used ? parameter->grad() : Array(), bucket);
    if (!options_.zero_fill) flag_of(member.slot, arena, 0).fill(used ? 1 : 0);
    if (--progress_[b].pending > 0) continue;
    progress_[b].times.ready = Clock::now();
    if (observer_) observer_->bucket_ready(bucket, progress_[b].times.ready);
  }
  if (!parameter || has_place || is_reshaped) return;
  // It was given another array: its mean arrives in its former place, or in a shard.
  const Array& arena = optimizer_->arenas()[buckets_[member.buckets.front()].arena].gradients;
  parameter->set_grad(arena ? Variable(ParameterArena::view(arena, member.slot)) : Variable());
}

void GradientReducer::take_in(const ParameterArena::Slot& slot, const Array& gradient, GradientBucket& bucket) {
  if (!bucket.gradients) {
    const Array& values = optimizer_->arenas()[bucket.arena].values;
    bucket.gradients = zeros({bucket.end - bucket.begin}, values.dtype(), values.device());
  }
  if (!gradient) return;
  const std::int64_t first = std::max(bucket.begin, slot.offset);
  const std::int64_t last = std::min(bucket.end, slot.offset + slot.size);
  if (first >= last) return;
  Array flat = gradient;
  if (gradient.strides() == slot.strides) {
    flat =
        Array(flat.buffer(), static_cast<std::size_t>(static_cast<std::byte*>(flat.raw_data()) - flat.buffer()->data()),
              {flat.size()}, {1}, flat.dtype());
  } else {  // as the values lie, which may be channels-last
    flat = empty({slot.size}, gradient.dtype(), gradient.device());
    ParameterArena::Slot place = slot;
    place.offset = 0;
    ParameterArena::view(flat, place).copy_from(gradient);
  }
  bucket.gradients.slice(0, {.start = first - bucket.begin, .stop = last - bucket.begin})
      .copy_from(flat.slice(0, {.start = first - slot.offset, .stop = last - slot.offset}));
}

void GradientReducer::release_ready_buckets() {
  while (works_.size() < order_.size() && progress_[order_[works_.size()]].pending == 0) leave(order_[works_.size()]);
}

void GradientReducer::leave(std::size_t bucket) {
  const Dtype own = optimizer_->arenas()[buckets_[bucket].arena].values.dtype();
  const Form form{.dtype = comm_.config().allreduce_grad_dtype().value_or(own),
                  .factor = factor_,
                  .compressed = compressing_,
                  .loss_scale = compressing_ ? optimizer_->loss_scale() : 1};
  works_.push_back(thread_->start([this, bucket, form](Communicator& comm) { reduce(bucket, comm, form); },
                                  buckets_[bucket].gradients.device()));
}

void GradientReducer::reduce(std::size_t b, Communicator& comm, const Form& form) {
  GradientBucket& bucket = buckets_[b];
  BucketTimes& times = progress_[b].times;
  times.started = Clock::now();
  if (observer_) observer_->bucket_leaves(bucket, times.started);
  times.sent_bytes = 0;
  if (options_.communicate) {
    if (form.factor != form.loss_scale) gpu::scale(bucket.gradients, form.factor / form.loss_scale);
    if (form.compressed) {
      times.sent_bytes = options_.compression->reduce(bucket, comm);
      if (form.loss_scale != 1) gpu::scale(bucket.gradients, form.loss_scale);
    } else {
      times.sent_bytes = options_.zero > 0 ? scatter(bucket, comm, form.dtype) : send(bucket, comm, form.dtype);
    }
  }
  if (!optimizer_->arenas()[bucket.arena].gradients) let_go(bucket.gradients);
  times.finished = Clock::now();
  if (observer_) observer_->bucket_arrived(bucket, times);
}

std::size_t GradientReducer::send(const GradientBucket& bucket, Communicator& comm, Dtype travels_as) const {
  const Array sent = bucket.gradients.to(travels_as);  // itself, unless the dtype differs
  comm.all_reduce(sent, Reduce::kMean);
  if (travels_as != bucket.gradients.dtype()) bucket.gradients.copy_from(sent);
  return sent.bytes();
}

std::size_t GradientReducer::scatter(const GradientBucket& bucket, Communicator& comm, Dtype travels_as) const {
  const std::int64_t part = (bucket.end - bucket.begin) / comm.size();
  const bool in_arena = static_cast<bool>(optimizer_->arenas()[bucket.arena].gradients);
  const Array mine =
      in_arena ? bucket.gradients.slice(0, {.start = part * comm.rank(), .stop = part * (comm.rank() + 1)})
               : optimizer_->shard_gradients(bucket.arena)
                     .slice(0, {.start = bucket.begin / comm.size(), .stop = bucket.begin / comm.size() + part});
  const Array sent = bucket.gradients.to(travels_as);
  const Array arrived = travels_as == mine.dtype() ? mine : empty({part}, travels_as, mine.device());
  comm.reduce_scatter(sent, arrived, Reduce::kMean);
  if (travels_as != mine.dtype()) mine.copy_from(arrived);
  return sent.bytes();
}

void GradientReducer::complete_gradients() {
  forget_removed();
  for (const std::size_t b : order_) {
    for (const auto& slot : buckets_[b].slots) {
      Member& member = members_.at(slot.parameter);
      if (!member.ready) complete(member);
    }
  }
}

void GradientReducer::wait() const {
  for (const Work& work : works_) work.wait();
}

double GradientReducer::wait_for(std::span<const Work> works) {
  const Clock::time_point from = Clock::now();
  for (const Work& work : works) work.wait();
  const Clock::time_point to = Clock::now();
  waits_.add({.begin = from, .end = to});
  if (observer_) observer_->waited(from, to);
  return std::chrono::duration<double>(to - from).count();
}

void GradientReducer::wait_for_works() {
  wait_for(works_);
  if (works_.empty()) return;
  last_times_.clear();
  for (const std::size_t b : order_) last_times_.push_back(progress_[b].times);
}

void GradientReducer::finish() {
  unused_.clear();
  if (comm_.size() > 1) {
    complete_gradients();
    if (options_.overlap) {
      release_ready_buckets();
    } else {
      for (const std::size_t b : order_) leave(b);
    }
    wait_for_works();
  } else if (!options_.zero_fill) {
    complete_gradients();
  }
  if (!options_.zero_fill) {
    for (const GradientBucket& bucket : buckets_) find_unused(bucket);
  }
  start_step();
}

void GradientReducer::start(const std::vector<Array>& arrays) {
  start_step();
  for (GradientBucket& bucket : buckets_) {
    bucket.gradients = arrays[bucket.arena].slice(0, {.start = bucket.begin, .stop = bucket.end});
  }
  for (std::size_t i = 0; i < order_.size() && thread_; ++i) leave(order_[i]);
}

void GradientReducer::finish_started() {
  wait_for_works();
  works_.clear();
}

void GradientReducer::carry() {
  complete_gradients();
  release_ready_buckets();
  arrived_times_.assign(buckets_.size(), BucketTimes());
  under_way_ = buckets_.size();
  carried_.assign(buckets_.size(), Work());
  for (std::size_t i = 0; i < works_.size(); ++i) carried_[order_[i]] = works_[i];
  start_step();
}

double GradientReducer::arrive(std::size_t bucket) {
  const double seconds = wait_for({&carried_[bucket], 1});
  const auto turn = std::find(order_.begin(), order_.end(), bucket) - order_.begin();
  arrived_times_[static_cast<std::size_t>(turn)] = progress_[bucket].times;
  if (--under_way_ == 0) last_times_ = arrived_times_;
  return seconds;
}

void GradientReducer::find_unused(const GradientBucket& bucket) {
  for (const auto& slot : bucket.slots) {
    const Array flag = flag_of(slot, bucket.gradients, bucket.begin);
    if (flag.item<double>() == 0 && !members_.at(slot.parameter).removed) unused_.push_back(slot.parameter);
    flag.fill(0);  // a gap holds zeros
  }
}

std::vector<Parameter*> GradientReducer::observed_order() {
  std::vector<Parameter*> order = seen_;
  for (Parameter* parameter : in_arenas_) {
    if (!members_.at(parameter).seen) order.push_back(parameter);
  }
  Array numbers = empty({static_cast<std::int64_t>(order.size())}, Dtype::kInt64);
  for (std::size_t i = 0; i < order.size(); ++i) {
    numbers.data<std::int64_t>()[i] = std::find(in_arenas_.begin(), in_arenas_.end(), order[i]) - in_arenas_.begin();
  }
  comm_.broadcast(numbers, 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = in_arenas_[static_cast<std::size_t>(numbers.data<std::int64_t>()[i])];
  }
  return order;
}

void GradientReducer::take_mean(const Array& gradient) const {
  if (factor_ != 1 && comm_.size() > 1) gpu::scale(gradient, factor_);
  comm_.all_reduce(gradient, Reduce::kMean);
}

void GradientReducer::start_compressing() {
  check_form();  // the dtype may have been set since
  compressing_ = options_.compression != nullptr && comm_.size() > 1;
}

std::size_t GradientReducer::last_sent_bytes() const {
  std::size_t bytes = 0;
  for (const BucketTimes& times : last_times_) bytes += times.sent_bytes;
  return bytes;
}

}  // namespace rensa
