#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "comm/work.h"
#include "core/array/array.h"

namespace rensa {

/// A message between two ranks that goes on in steps, none of which waits.
class MessageUnderWay {
 public:
  virtual ~MessageUnderWay() = default;
  /// Goes as far as it can now, with the first step from the start; true when it is done. Throws what the call that
  /// waits would throw.
  virtual bool advance() = 0;
  /// Whether another rank has part in it by now: of a receive, that it has found its message.
  virtual bool is_matched() const = 0;
  /// Whether nothing reads or writes its memory any more.
  virtual bool is_idle() const = 0;
  /// Takes back what is not matched.
  virtual void cancel() = 0;
};

/// The started sends and receives of one rank on one communicator. A thread moves them on while the caller does other
/// things, because nothing else may: MPI makes no progress by itself, and ranks that wait for each other in shared
/// memory make none for it. It sleeps while there are none, and between its looks at those there are.
class StartedMessages {
 public:
  /// `rank` is how errors name this one; wait() of a Work gives up after `timeout_s`. stop() is a call of `log`, if
  /// there is one, while it waits.
  StartedMessages(std::string rank, double timeout_s, std::shared_ptr<CallLog> log = nullptr);
  ~StartedMessages() { stop(); }
  StartedMessages(const StartedMessages&) = delete;
  StartedMessages& operator=(const StartedMessages&) = delete;

  /// The first step of `message` is made here, so that it has its place among all that this rank sends.
  Work send(const Array& data, int destination, int tag, std::unique_ptr<MessageUnderWay> message);
  /// `receive` makes what receives into a contiguous array.
  Work recv(const Array& data, int source, int tag,
            const std::function<std::unique_ptr<MessageUnderWay>(const Array&)>& receive);
  /// Waits for those that are matched, at most `timeout_s`, and not at all while an exception is on its way; gives the
  /// others up. Nothing is started afterwards.
  void stop();

 private:
  struct Entry {
    std::unique_ptr<MessageUnderWay> message;
    Call call;
    std::string what;               ///< "start_send to rank 1 with tag 0"
    Array data = {}, stretch = {};  ///< of a receive: what is given, and the contiguous array that is written
    std::promise<void> done = {};
    std::exception_ptr error = {};

    /// Leaves the message's memory alone for ever if it may still be read or written.
    void leave_what_is_in_use() {
      if (!message->is_idle()) static_cast<void>(message.release());
    }
  };

  /// What the two threads share.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::list<Entry> entries;  ///< in the order they were started
    /// Of those that failed, until the caller's thread lets them go: it has read what their exceptions say, and the
    /// thread sanitizer does not see the counter by which libstdc++ orders that before their end on another thread.
    std::vector<std::promise<void>> failed;
    bool stopping = false;
    std::jthread thread;  ///< from the first message
  };

  Work add(Entry entry);
  static bool advance(Entry& entry);
  static void finish(Entry& entry);
  static std::list<Entry> advance_all(std::list<Entry>& entries, bool& happened);
  static void run(Shared& shared);

  const std::string rank_;
  const double timeout_s_;
  const std::shared_ptr<CallLog> log_;
  const pid_t process_;   ///< a forked child has this object, but not its thread
  const int exceptions_;  ///< under way when it was made
  std::unique_ptr<Shared> shared_ = std::make_unique<Shared>();
};

}  // namespace rensa
