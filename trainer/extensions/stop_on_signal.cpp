#include "trainer/extensions/stop_on_signal.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

std::atomic<bool> received{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not wait");

void remember(int /*signal*/) { received = true; }

/// Signals belong to the process, and threads may be ranks: the first trainer catches one, the last gives it back.
struct Caught {
  int users = 0;
  struct sigaction before{};
};
std::mutex mutex;
std::map<int, Caught> caught_signals;

void catch_signal(int signal) {
  const std::scoped_lock lock(mutex);
  Caught& caught = caught_signals[signal];
  if (caught.users == 0) {
    received = false;
    struct sigaction action{};
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;
    if (sigaction(signal, &action, &caught.before) != 0)
      throw ValueError("stop on signal: ", signal, " cannot be caught.");
  }
  ++caught.users;
}

void give_back(int signal) {
  const std::scoped_lock lock(mutex);
  Caught& caught = caught_signals[signal];
  if (--caught.users == 0) sigaction(signal, &caught.before, nullptr);
}

constexpr double kLongestInterval = 1000;  ///< iterations

}  // namespace

StopOnSignal::StopOnSignal(StopOnSignalOptions options)
    : options_(std::move(options)),
      snapshot_(SnapshotOptions{.keep = options_.keep, .replica_sets = options_.replica_sets}) {}

StopOnSignal::~StopOnSignal() { release_signals(); }

void StopOnSignal::release_signals() {
  for (const int signal : std::exchange(caught_, {})) give_back(signal);
}

void StopOnSignal::initialize(Trainer& trainer) {
  release_signals();
  snapshot_.initialize(trainer);
  if (!options_.asked) {
    for (const int signal : options_.signals) {
      catch_signal(signal);
      caught_.push_back(signal);
    }
  }
  stopped_ = false;
  last_look_ = trainer.updater().iteration();
  next_look_ = last_look_ + 1;
  last_look_s_ = trainer.elapsed_time();
}

void StopOnSignal::operator()(Trainer& trainer) {
  const std::int64_t iteration = trainer.updater().iteration();
  if (iteration < next_look_) return;
  const double step_s = (trainer.elapsed_time() - last_look_s_) / static_cast<double>(iteration - last_look_);
  const double interval = std::clamp(options_.look_every_s / std::max(step_s, 1e-9), 1.0, kLongestInterval);
  const bool asked = options_.asked ? options_.asked() : received.load();
  Communicator& comm = trainer.comm();
  // Each rank's wish, and the interval as rank 0 sees it.
  const Array agreed =
      array(std::vector<std::int32_t>{asked ? 1 : 0, comm.rank() == 0 ? static_cast<int>(interval) : 0}, {2});
  comm.all_reduce(agreed, Reduce::kMax);
  last_look_ = iteration;
  last_look_s_ = trainer.elapsed_time();
  next_look_ = iteration + agreed.data<std::int32_t>()[1];
  if (agreed.data<std::int32_t>()[0] == 0 || trainer.is_done()) return;
  snapshot_(trainer);
  stopped_ = true;
  trainer.stop();
}

void StopOnSignal::finalize(Trainer&) { release_signals(); }

}  // namespace rensa
