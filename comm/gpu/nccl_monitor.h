#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace rensa::nccl {

class Connection;

/// A thread that looks after all connections of this process, as long as there are any. It sleeps while nothing is in
/// flight.
class Monitor {
 public:
  /// The process's.
  static std::shared_ptr<Monitor> shared();
  Monitor();
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  void add(Connection* connection);
  void remove(Connection* connection);  ///< nobody looks at it any more when this returns
  void wake();                          ///< something has been launched

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Connection*> connections_;
  bool stopping_ = false;
  std::atomic<bool> idle_ = false;
  std::thread thread_;
};

}  // namespace rensa::nccl
