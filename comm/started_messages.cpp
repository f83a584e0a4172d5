#include "comm/started_messages.h"

#include <omp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <optional>
#include <utility>

#include "comm/communicators/communicator.h"
#include "comm/short_slices.h"
#include "core/error.h"

namespace rensa {
namespace {

using Clock = std::chrono::steady_clock;

/// Between two looks: short behind an event, longer the longer nothing happens, but not so long that the wire waits for
/// a look where something travels.
constexpr std::chrono::microseconds kShortestNap(20), kLongestNap(200), kLongestIdleNap(1000);

std::string with_tag(int tag) { return tag == kAnyTag ? " with any tag" : detail::join(" with tag ", tag); }

}  // namespace

StartedMessages::StartedMessages(std::string rank, double timeout_s, std::shared_ptr<CallLog> log)
    : rank_(std::move(rank)),
      timeout_s_(timeout_s),
      log_(std::move(log)),
      process_(getpid()),
      exceptions_(std::uncaught_exceptions()) {}

void StartedMessages::stop() {
  if (getpid() != process_) {
    static_cast<void>(shared_.release());  // with its lock held by a thread that is not here, maybe
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->changed.notify_one();
  if (shared_->thread.joinable()) shared_->thread.join();
  std::list<Entry>& entries = shared_->entries;  // this thread's alone now
  const auto move_on = [&] {
    bool happened = false;
    for (Entry& done : advance_all(entries, happened)) finish(done);
  };
  const auto give_up = [this](Entry& entry, const char* how) {
    const CommError error(rank_, ": the communicator has gone, or MPI, and ", entry.what, " ", how, ".");
    entry.done.set_exception(std::make_exception_ptr(error));
    if (entry.message->is_matched()) std::fprintf(stderr, "rensa: %s\n", error.what());  // nobody may ask any more
    entry.leave_what_is_in_use();
  };
  move_on();
  for (auto entry = entries.begin(); entry != entries.end();) {
    if (entry->message->is_matched()) {
      ++entry;
      continue;
    }
    entry->message->cancel();
    give_up(*entry, "was given up");
    entry = entries.erase(entry);
  }
  std::optional<CallLog::Scope> waits;
  if (log_ && !entries.empty()) waits.emplace(*log_, entries.front().call);
  const double limit_s = std::uncaught_exceptions() > exceptions_ ? 0 : timeout_s_;
  const auto end = Clock::now() + std::chrono::duration<double>(limit_s);
  for (; !entries.empty() && Clock::now() < end; move_on()) std::this_thread::sleep_for(kShortestNap);
  for (Entry& entry : entries) give_up(entry, "had not come to its end");
  entries.clear();
}

Work StartedMessages::send(const Array& data, int destination, int tag, std::unique_ptr<MessageUnderWay> message) {
  return add({.message = std::move(message),
              .call = Call::between_two("start_send", data.size(), data.dtype(), destination),
              .what = detail::join("start_send to rank ", destination, with_tag(tag))});
}

Work StartedMessages::recv(const Array& data, int source, int tag,
                           const std::function<std::unique_ptr<MessageUnderWay>(const Array&)>& receive) {
  const Array stretch = data.is_contiguous() ? data : empty(data.shape(), data.dtype());
  return add({.message = receive(stretch),
              .call = Call::between_two("start_recv", data.size(), data.dtype(), source),
              .what = detail::join("start_recv from rank ", source, with_tag(tag)),
              .data = data,
              .stretch = stretch});
}

Work StartedMessages::add(Entry entry) {
  Work work(entry.done.get_future().share(), timeout_s_, detail::join(rank_, ": ", entry.what));
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  if (shared.stopping) throw CommError(rank_, ": ", entry.what, " after the end of MPI.");
  if (!shared.thread.joinable()) shared.thread = std::jthread([&shared] { run(shared); });
  if (advance(entry)) {
    lock.unlock();
    finish(entry);
  } else {
    shared.entries.push_back(std::move(entry));
    shared.changed.notify_one();
  }
  return work;
}

/// True when it has ended, well or with an error.
bool StartedMessages::advance(Entry& entry) {
  try {
    return entry.message->advance();
  } catch (...) {
    entry.error = std::current_exception();
    return true;
  }
}

/// Outside the lock: arrays that go may call what their owner has put behind them, and that may start a message.
void StartedMessages::finish(Entry& entry) {
  entry.leave_what_is_in_use();
  try {
    const bool arrived_aside = entry.data && entry.stretch.raw_data() != entry.data.raw_data();
    if (arrived_aside && !entry.error) entry.data.copy_from(entry.stretch);
  } catch (...) {
    entry.error = std::current_exception();
  }
  if (entry.error) return entry.done.set_exception(entry.error);
  entry.done.set_value();
}

/// Those that have ended. With the lock, or once the thread has ended.
std::list<StartedMessages::Entry> StartedMessages::advance_all(std::list<Entry>& entries, bool& happened) {
  std::list<Entry> ended;
  for (auto entry = entries.begin(); entry != entries.end();) {
    const auto here = entry++;
    const bool was_matched = here->message->is_matched();
    if (advance(*here)) ended.splice(ended.end(), entries, here);
    happened = happened || here->message->is_matched() != was_matched;
  }
  happened = happened || !ended.empty();
  return ended;
}

void StartedMessages::run(Shared& shared) {
  ask_for_short_slices();
  omp_set_num_threads(1);            // of this thread only: the cores belong to the compute threads
  prctl(PR_SET_TIMERSLACK, 1000UL);  // a nap ends some 50 us late otherwise
  auto nap = kShortestNap;
  std::unique_lock lock(shared.mutex);
  std::list<Entry>& entries = shared.entries;
  while (!shared.stopping) {
    if (entries.empty()) {
      shared.changed.wait(lock);
      nap = kShortestNap;
      continue;
    }
    bool happened = false;
    if (std::list<Entry> ended = advance_all(entries, happened); !ended.empty()) {
      lock.unlock();
      std::vector<std::promise<void>> failed;
      for (Entry& entry : ended) {
        finish(entry);
        if (entry.error) failed.push_back(std::move(entry.done));
      }
      ended.clear();
      lock.lock();
      std::move(failed.begin(), failed.end(), std::back_inserter(shared.failed));
    }
    const bool travels =
        std::any_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.message->is_matched(); });
    const bool added = !happened && shared.changed.wait_for(lock, nap) == std::cv_status::no_timeout;
    nap = happened || added ? kShortestNap : std::min(2 * nap, travels ? kLongestNap : kLongestIdleNap);
  }
}

}  // namespace rensa
