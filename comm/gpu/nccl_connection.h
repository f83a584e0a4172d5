#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "comm/calls/call_log.h"
#include "comm/gpu/nccl_api.h"
#include "core/device/gpu/stream.h"

namespace rensa::nccl {

class Monitor;

/// An endpoint with its limits. NCCL itself waits for ever and says nothing: a monitor thread looks at what has been
/// launched and not happened yet. If that takes too long, or NCCL or the device reports an error, the endpoint is
/// aborted, which ends what waits on the device, and every later call throws CommError with the reason.
class Connection {
 public:
  struct Options {
    std::string who;         ///< "rank 1 of 4 on node7", for messages
    double timeout_s = 300;  ///< for the others to join, and for a call to happen
    /// Whose last call counts as running while the device works on it. Null: nobody's. Must outlive the connection.
    CallLog* log = nullptr;
    /// Is told by the monitor's thread why the connection failed.
    std::function<void(const std::string& reason)> on_failure = {};
  };

  /// Begins to join; ready() says when all are there.
  Connection(const UniqueId& id, int rank, int size, Device device, Options options);
  /// Waits for what is under way, within the limit; aborts what does not end.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Device device() const { return device_; }
  /// Waits until all ranks have joined. Throws CommError when the limit is over.
  void wait_until_ready();
  /// Whether all have joined by now.
  bool is_ready();

  /// Puts a call (or a group of calls) into `stream`, after all that has joined before.
  using Launch = std::function<Result(Endpoint& endpoint, gpu::StreamHandle stream)>;
  void launch(const Call& what, const gpu::Stream& stream, const Launch& call);
  /// Throws CommError if the connection has failed.
  void check() const;

  void* register_memory(void* data, std::size_t bytes);
  void deregister_memory(void* handle);

 private:
  friend class Monitor;
  using Clock = std::chrono::steady_clock;
  struct InFlight {
    Call what;
    std::uint64_t number;
    gpu::Event done;
    Clock::time_point since;
  };

  /// What the monitor does: ends calls that have happened, and the connection if something is wrong, with the device
  /// too. False: nothing is in flight.
  bool look();
  bool look_at_oldest();
  void collect();
  Result settled(Result result, const std::string& what);
  void fail(const std::string& reason, bool tell);
  std::string failure() const;
  std::string words(Result result);

  const Device device_;
  const Options options_;
  std::unique_ptr<Endpoint> endpoint_;
  std::timed_mutex calls_;    ///< of the endpoint
  mutable std::mutex mutex_;  ///< of what follows
  std::deque<InFlight> in_flight_;
  std::uint64_t launched_ = 0;
  std::string failure_;
  bool ready_ = false, aborted_ = false;
  std::shared_ptr<Monitor> monitor_;
};

}  // namespace rensa::nccl
