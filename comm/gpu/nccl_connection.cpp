#include "comm/gpu/nccl_connection.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "comm/gpu/nccl_monitor.h"
#include "comm/watchdog/wording.h"
#include "core/error.h"

namespace rensa::nccl {
namespace {

using std::chrono::duration;

constexpr std::chrono::seconds kForAbort(5);  ///< a call inside NCCL should return long before
constexpr double kForFarewell_s = 10;         ///< the others leave at the same time
constexpr std::chrono::microseconds kShortest(20), kLongest(2000);

}  // namespace

Connection::Connection(const UniqueId& id, int rank, int size, Device device, Options options)
    : device_(device),
      options_(std::move(options)),
      endpoint_(api().join(id, rank, size, device.index)),
      monitor_(Monitor::shared()) {
  monitor_->add(this);
}

Connection::~Connection() {
  const auto end = Clock::now() + duration<double>(std::min(options_.timeout_s, kForFarewell_s));
  const auto is_over = [&] { return std::uncaught_exceptions() > 0 || !failure().empty() || Clock::now() > end; };
  const auto wait_for = [&](const auto& done) {
    while (!is_over()) {
      if (done()) return true;
      std::this_thread::sleep_for(kLongest);
    }
    return false;
  };
  bool orderly = wait_for([&] {
    try {
      collect();
    } catch (const Error& error) {  // of the device, on which nothing happens any more
      fail(error.what(), false);
    }
    const std::lock_guard lock(mutex_);
    return in_flight_.empty();
  });
  monitor_->remove(this);
  const std::lock_guard lock(calls_);
  if (!ready_ && !aborted_) ready_ = endpoint_->state() == Result::kSuccess;  // nobody may have asked
  if (orderly && ready_) {
    Result result = endpoint_->finalize();
    orderly = wait_for([&] {
      if (result == Result::kInProgress) result = endpoint_->state();
      return result != Result::kInProgress;
    });
    orderly = orderly && result == Result::kSuccess;
  }
  if (!aborted_ && !(orderly && ready_)) endpoint_->abort();
  const std::lock_guard log_lock(mutex_);
  for (std::size_t i = 0; i < in_flight_.size() && options_.log; ++i) options_.log->unqueue();
}

std::string Connection::words(Result result) {
  const std::string last = endpoint_->last_error();
  return api().describe(result) + (last.empty() ? "" : " (" + last + ")");
}

bool Connection::is_ready() {
  if (ready_) return true;
  check();
  const std::lock_guard lock(calls_);
  const Result result = endpoint_->state();
  if (result != Result::kSuccess && result != Result::kInProgress) {
    throw CommError(options_.who, ": NCCL could not join the ranks: ", words(result), ". NCCL_DEBUG=INFO tells more.");
  }
  return ready_ = result == Result::kSuccess;
}

void Connection::wait_until_ready() {
  const auto end = Clock::now() + duration<double>(options_.timeout_s);
  for (auto nap = kShortest; !is_ready(); nap = std::min(2 * nap, kLongest)) {
    if (Clock::now() > end) {
      throw CommError(
          options_.who, ": NCCL has waited ", options_.timeout_s,
          " s for all ranks to join. One of them stopped or cannot be reached: NCCL_DEBUG=INFO tells more, ",
          "NCCL_SOCKET_IFNAME chooses the network. A longer limit: comm_timeout.");
    }
    std::this_thread::sleep_for(nap);
  }
}

/// The result once NCCL has done on the host what the call needs: with non-blocking endpoints the work is in the stream
/// only then.
Result Connection::settled(Result result, const std::string& what) {
  if (result != Result::kInProgress) return result;
  const auto end = Clock::now() + duration<double>(options_.timeout_s);
  for (auto nap = kShortest; result == Result::kInProgress; nap = std::min(2 * nap, kLongest)) {
    std::this_thread::sleep_for(nap);
    check();
    if (Clock::now() > end) {
      fail(detail::join(what, " could not be launched in ", options_.timeout_s,
                        " s: another rank does not answer. A longer limit: comm_timeout."),
           false);
      check();
    }
    const std::lock_guard lock(calls_);
    if (aborted_) continue;
    result = endpoint_->state();
  }
  return result;
}

void Connection::launch(const Call& what, const gpu::Stream& stream, const Launch& call) {
  check();
  Result result = Result::kSuccess;
  {
    const std::lock_guard lock(calls_);
    if (!aborted_) result = call(*endpoint_, stream.handle);
  }
  result = settled(result, describe(what));
  if (result != Result::kSuccess) {
    fail(detail::join(describe(what), ": ", words(result), ". NCCL_DEBUG=INFO tells more."), false);
  }
  check();
  gpu::Event done(device_);
  done.record(stream);
  {
    const std::lock_guard lock(mutex_);
    in_flight_.push_back({what, ++launched_, std::move(done), Clock::now()});
    if (options_.log) options_.log->queue();
  }
  collect();
  monitor_->wake();
}

void Connection::collect() {
  const std::lock_guard lock(mutex_);
  while (!in_flight_.empty() && in_flight_.front().done.has_happened()) {
    in_flight_.pop_front();
    if (options_.log) options_.log->unqueue();
  }
}

bool Connection::look() {
  try {
    return look_at_oldest();
  } catch (const Error& error) {  // of the device; nobody else catches what the monitor's thread throws
    fail(error.what(), true);
    return false;
  }
}

bool Connection::look_at_oldest() {
  collect();
  std::string late;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.empty() || in_flight_.empty()) return !in_flight_.empty();
    const InFlight& oldest = in_flight_.front();
    if (Clock::now() - oldest.since > duration<double>(options_.timeout_s)) {
      late = detail::join(watchdog::numbered(oldest.what, oldest.number), " has waited ", options_.timeout_s,
                          " s for another rank. That rank stopped or made another call: read the end of its log. ",
                          "A longer limit: comm_timeout.");
    }
  }
  if (!late.empty()) {
    fail(late, true);
    return false;
  }
  Result state = Result::kSuccess;
  {
    const std::unique_lock lock(calls_, std::try_to_lock);
    if (lock && !aborted_) state = endpoint_->state();
    if (state == Result::kInProgress) state = Result::kSuccess;
  }
  if (state == Result::kSuccess) return true;
  std::string what;
  {
    const std::lock_guard lock(mutex_);
    if (!in_flight_.empty()) what = watchdog::numbered(in_flight_.front().what, in_flight_.front().number) + ": ";
  }
  fail(what + words(state) + ". A rank that died, or a link that broke? NCCL_DEBUG=INFO tells more.", true);
  return false;
}

void Connection::fail(const std::string& reason, bool tell) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.empty()) return;
    failure_ = options_.who + ": " + reason;
  }
  {
    std::unique_lock lock(calls_, std::defer_lock);
    if (lock.try_lock_for(kForAbort) && !aborted_) {
      endpoint_->abort();
      aborted_ = true;
    }
  }
  if (tell && options_.on_failure) options_.on_failure(reason);
}

std::string Connection::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Connection::check() const {
  const std::string reason = failure();
  if (!reason.empty()) throw CommError(reason);
}

void* Connection::register_memory(void* data, std::size_t bytes) {
  check();
  const std::lock_guard lock(calls_);
  return aborted_ ? nullptr : endpoint_->register_memory(data, bytes);
}

void Connection::deregister_memory(void* handle) {
  const std::lock_guard lock(calls_);
  if (handle && !aborted_) endpoint_->deregister_memory(handle);
}

}  // namespace rensa::nccl
