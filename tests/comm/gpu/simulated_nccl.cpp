#include "tests/comm/gpu/simulated_nccl.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <span>
#include <utility>

#include "comm/shm/direct_reduction.h"
#include "core/error.h"
#include "tests/comm/gpu/simulated_gpus.h"

namespace rensa::testing {
namespace {

/// What ranks must agree on.
struct Operation {
  std::string name;
  std::size_t count = 0;
  Dtype dtype = Dtype::kFloat32;
  Reduce op = Reduce::kSum;
  int root = -1;
  friend bool operator==(const Operation&, const Operation&) = default;
};
struct Part {
  Operation operation;
  const std::byte* in = nullptr;
  std::byte* out = nullptr;
};
struct Round {
  std::vector<Part> parts;
  int arrived = 0, left = 0;
  bool done = false;
};
/// What was sent and is not received yet: the sender waits.
struct Letter {
  const std::byte* from;
  std::size_t bytes;
  std::shared_ptr<bool> received;
};

}  // namespace

/// The ranks of one communicator.
struct SimulatedNccl::World {
  explicit World(int s) : size(s), aborted(static_cast<std::size_t>(s)) {}
  const int size;
  std::mutex mutex;
  std::condition_variable changed;
  int joined = 0;
  bool differ = false;  ///< ranks made different calls
  std::vector<bool> aborted;
  std::map<std::uint64_t, Round> rounds;
  std::map<std::pair<int, int>, std::deque<Letter>> letters;
};

namespace {

using World = SimulatedNccl::World;
using Shared = SimulatedNccl::Shared;

void compute(const Round& round, int size, bool moves) {
  if (!moves) return;
  const Operation& o = round.parts[0].operation;
  const std::size_t bytes = o.count * item_size(o.dtype);
  const auto count = static_cast<std::int64_t>(o.count);
  std::vector<const void*> ins;
  std::vector<void*> outs;
  for (const Part& part : round.parts) {
    ins.push_back(part.in);
    outs.push_back(part.out);
  }
  const auto root = static_cast<std::size_t>(std::max(0, o.root));
  if (o.name == "all_reduce") shm::reduce_directly(ins, outs, 0, count, o.dtype, o.op);
  if (o.name == "reduce") shm::reduce_directly(ins, std::span(&outs[root], 1), 0, count, o.dtype, o.op);
  if (o.name == "broadcast") {
    for (const Part& part : round.parts) std::memmove(part.out, round.parts[root].in, bytes);
  }
  for (std::size_t r = 0; r < static_cast<std::size_t>(size) && o.name == "reduce_scatter"; ++r) {
    std::vector<const void*> mine;
    for (const Part& part : round.parts) mine.push_back(part.in + r * bytes);
    shm::reduce_directly(mine, std::span(&outs[r], 1), 0, count, o.dtype, o.op);
  }
  if (o.name == "all_gather") {
    for (const Part& to : round.parts) {
      for (std::size_t r = 0; r < round.parts.size(); ++r) std::memmove(to.out + r * bytes, round.parts[r].in, bytes);
    }
  }
}

/// One rank of a communicator: what its kernels refer to, which may outlive its endpoint.
struct Place {
  std::shared_ptr<World> world;
  std::shared_ptr<Shared> shared;
  int rank, device;

  bool is_aborted() const { return world->aborted[static_cast<std::size_t>(rank)]; }

  /// Delays and hangs; false: it was aborted instead.
  bool begin(std::uint64_t number) const {
    NcclFaults faults;
    {
      const std::lock_guard lock(shared->mutex);
      faults = shared->faults;
    }
    if (faults.before_call) faults.before_call(rank, number);
    std::unique_lock lock(world->mutex);
    if (faults.hangs && faults.hangs(rank, number)) world->changed.wait(lock, [&] { return is_aborted(); });
    return !is_aborted();
  }

  /// A collective: the last rank to arrive does it for all.
  void meet(std::uint64_t number, const Part& part) const {
    std::unique_lock lock(world->mutex);
    Round& round = world->rounds[number];
    round.parts.resize(static_cast<std::size_t>(world->size));
    round.parts[static_cast<std::size_t>(rank)] = part;
    if (++round.arrived == world->size) {
      for (const Part& other : round.parts) world->differ = world->differ || !(other.operation == part.operation);
      if (!world->differ) compute(round, world->size, shared->moves);
      round.done = !world->differ;  // NCCL would hang
      world->changed.notify_all();
    }
    world->changed.wait(lock, [&] { return round.done || is_aborted(); });
    if (++round.left == world->size) world->rounds.erase(number);
  }

  void post(int peer, const Letter& letter) const {
    const std::lock_guard lock(world->mutex);
    world->letters[{rank, peer}].push_back(letter);
    world->changed.notify_all();
  }
  void wait_until_received(const std::shared_ptr<bool>& received) const {
    std::unique_lock lock(world->mutex);
    world->changed.wait(lock, [&] { return *received || is_aborted(); });
  }
  void take(int peer, void* out, std::size_t bytes) const {
    std::unique_lock lock(world->mutex);
    auto& letters = world->letters[{peer, rank}];
    world->changed.wait(lock, [&] { return !letters.empty() || is_aborted(); });
    if (letters.empty()) return;
    if (letters.front().bytes != bytes) world->differ = true;
    if (shared->moves) std::memmove(out, letters.front().from, std::min(bytes, letters.front().bytes));
    *letters.front().received = true;
    letters.pop_front();
    world->changed.notify_all();
  }
};

using Works = std::vector<std::function<void()>>;
class SimulatedEndpoint;

/// What a thread calls between begin_group() and end_group().
struct Group {
  int depth = 0;
  Works begins, ends;  ///< receiving comes first at the end: a send ends when somebody has received
  std::size_t receives = 0;
  SimulatedEndpoint* endpoint = nullptr;
  gpu::StreamHandle stream = nullptr;
};
thread_local Group group;

class SimulatedEndpoint final : public nccl::Endpoint {
 public:
  explicit SimulatedEndpoint(Place place) : place_(std::move(place)) {
    const std::lock_guard lock(shared().mutex);
    if (shared().faults.stays_away && shared().faults.stays_away(place_.rank)) return;
    const std::lock_guard world_lock(world().mutex);
    ++world().joined;
    ++shared().record.joined;
  }

  nccl::Result state() override {
    {
      const std::lock_guard lock(world().mutex);
      if (world().joined < world().size) return nccl::Result::kInProgress;
      if (world().differ) return nccl::Result::kInvalidUsage;
    }
    if (asks_left_ > 0) {
      if (--asks_left_ > 0) return nccl::Result::kInProgress;
      put_pending();
    }
    const std::lock_guard lock(shared().mutex);
    return shared().faults.error ? shared().faults.error(place_.rank, launched_) : nccl::Result::kSuccess;
  }
  std::string last_error() override {
    const std::lock_guard lock(world().mutex);
    return world().differ ? "ranks made different calls" : "";
  }
  nccl::Result finalize() override {
    const std::lock_guard lock(shared().mutex);
    ++shared().record.finalized;
    return nccl::Result::kSuccess;
  }
  nccl::Result abort() override {
    {
      const std::lock_guard lock(world().mutex);
      world().aborted[static_cast<std::size_t>(place_.rank)] = true;
    }
    world().changed.notify_all();
    const std::lock_guard lock(shared().mutex);
    ++shared().record.aborted;
    return nccl::Result::kSuccess;
  }

  nccl::Result all_reduce(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op,
                          gpu::StreamHandle stream) override {
    return collective({"all_reduce", count, dtype, op}, in, out, stream);
  }
  nccl::Result reduce(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op, int root,
                      gpu::StreamHandle stream) override {
    return collective({"reduce", count, dtype, op, root}, in, out, stream);
  }
  nccl::Result broadcast(const void* in, void* out, std::size_t count, Dtype dtype, int root,
                         gpu::StreamHandle stream) override {
    return collective({"broadcast", count, dtype, Reduce::kSum, root}, in, out, stream);
  }
  nccl::Result reduce_scatter(const void* in, void* out, std::size_t count, Dtype dtype, Reduce op,
                              gpu::StreamHandle stream) override {
    return collective({"reduce_scatter", count, dtype, op}, in, out, stream);
  }
  nccl::Result all_gather(const void* in, void* out, std::size_t count, Dtype dtype,
                          gpu::StreamHandle stream) override {
    return collective({"all_gather", count, dtype}, in, out, stream);
  }
  nccl::Result send(const void* in, std::size_t count, Dtype dtype, int peer, gpu::StreamHandle stream) override {
    const Letter letter{static_cast<const std::byte*>(in), count * item_size(dtype), std::make_shared<bool>(false)};
    return message(
        detail::join("send of ", count, " ", dtype, " to ", peer), stream, count, dtype, /*receives=*/false,
        [place = place_, peer, letter] { place.post(peer, letter); },
        [place = place_, letter] { place.wait_until_received(letter.received); });
  }
  nccl::Result recv(void* out, std::size_t count, Dtype dtype, int peer, gpu::StreamHandle stream) override {
    return message(
        detail::join("recv of ", count, " ", dtype, " from ", peer), stream, count, dtype, /*receives=*/true, [] {},
        [place = place_, peer, out, bytes = count * item_size(dtype)] { place.take(peer, out, bytes); });
  }

  void* register_memory(void* data, std::size_t) override {
    const std::lock_guard lock(shared().mutex);
    ++shared().record.registered;
    return data;
  }
  void deregister_memory(void*) override {
    const std::lock_guard lock(shared().mutex);
    --shared().record.registered;
  }

  /// Puts what a group collected into its stream: all of it begins before any of it has to end.
  nccl::Result launch_group(Works begins, Works ends, gpu::StreamHandle stream) {
    const std::uint64_t number = next(detail::join("group of ", ends.size()), stream, 0, Dtype::kUInt8);
    return put(stream, [place = place_, number, begins = std::move(begins), ends = std::move(ends)] {
      if (!place.begin(number)) return;
      for (const auto& each : begins) each();
      for (const auto& each : ends) each();
    });
  }

 private:
  World& world() const { return *place_.world; }
  Shared& shared() const { return *place_.shared; }

  std::uint64_t next(std::string call, gpu::StreamHandle stream, std::size_t count, Dtype dtype) {
    const std::lock_guard lock(shared().mutex);
    shared().record.launches.push_back({place_.device, std::move(call), stream, count, dtype});
    return ++launched_;
  }

  nccl::Result collective(const Operation& operation, const void* in, void* out, gpu::StreamHandle stream) {
    const std::uint64_t number = next(detail::join(operation.name, " of ", operation.count, " ", operation.dtype),
                                      stream, operation.count, operation.dtype);
    const Part part{operation, static_cast<const std::byte*>(in), static_cast<std::byte*>(out)};
    return put(stream, [place = place_, number, part] {
      if (place.begin(number)) place.meet(number, part);
    });
  }

  nccl::Result message(const std::string& call, gpu::StreamHandle stream, std::size_t count, Dtype dtype, bool receives,
                       std::function<void()> begins, std::function<void()> ends) {
    if (group.depth > 0) {
      group.begins.push_back(std::move(begins));
      const std::size_t at = receives ? group.receives++ : group.ends.size();
      group.ends.insert(group.ends.begin() + static_cast<std::ptrdiff_t>(at), std::move(ends));
      group.endpoint = this;
      group.stream = stream;
      return nccl::Result::kSuccess;
    }
    const std::uint64_t number = next(call, stream, count, dtype);
    return put(stream, [place = place_, number, begins = std::move(begins), ends = std::move(ends)] {
      if (!place.begin(number)) return;
      begins();
      ends();
    });
  }

  /// Into the stream, at once or after some asks of state().
  nccl::Result put(gpu::StreamHandle stream, std::function<void()> work) {
    pending_.emplace_back(stream, std::move(work));
    asks_left_ = shared().faults.asks_per_launch;
    if (asks_left_ > 0) return nccl::Result::kInProgress;
    put_pending();
    return nccl::Result::kSuccess;
  }
  void put_pending() {
    auto& driver = dynamic_cast<RunningDriver&>(gpu::driver());
    for (auto& [stream, work] : pending_) driver.launch(stream, std::move(work));
    pending_.clear();
  }

  const Place place_;
  std::atomic<std::uint64_t> launched_{0};
  int asks_left_ = 0;
  std::vector<std::pair<gpu::StreamHandle, std::function<void()>>> pending_;
};

}  // namespace

nccl::UniqueId SimulatedNccl::make_unique_id() {
  const std::lock_guard lock(mutex_);
  nccl::UniqueId id{};
  const std::string text = "world " + std::to_string(++ids_);
  std::copy(text.begin(), text.end(), id.begin());
  return id;
}

std::unique_ptr<nccl::Endpoint> SimulatedNccl::join(const nccl::UniqueId& id, int rank, int size, int device) {
  std::shared_ptr<World> world;
  {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<World>& known = worlds_[id.data()];
    world = known.lock();
    if (!world) known = world = std::make_shared<World>(size);
    std::erase_if(worlds_, [](const auto& each) { return each.second.expired(); });
  }
  return std::make_unique<SimulatedEndpoint>(Place{world, shared_, rank, device});
}

void SimulatedNccl::begin_group() { ++group.depth; }

nccl::Result SimulatedNccl::end_group() {
  if (--group.depth > 0 || !group.endpoint) return nccl::Result::kSuccess;
  const Group whole = std::exchange(group, Group());
  return whole.endpoint->launch_group(whole.begins, whole.ends, whole.stream);
}

std::string SimulatedNccl::describe(nccl::Result result) const {
  switch (result) {
    case nccl::Result::kRemoteError:
      return "remote error";
    case nccl::Result::kSystemError:
      return "system error";
    case nccl::Result::kInvalidUsage:
      return "invalid usage";
    default:
      return "result " + std::to_string(static_cast<int>(result));
  }
}

NcclRecord SimulatedNccl::record() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->record;
}

}  // namespace rensa::testing
