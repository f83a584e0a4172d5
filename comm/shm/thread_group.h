#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/array/dtype.h"

namespace rensa::shm {

/// Whether a job of threads goes on. Shared by all groups of the job, so that the failure of one rank ends every wait.
class JobState {
 public:
  void fail(const std::string& reason);  ///< the first reason is kept
  void check() const;                    ///< throws CommError once the job has failed

 private:
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;
  std::string reason_;
};

/// What a rank shows the others of its group at the start of a call.
struct Posted {
  const char* call = "";
  std::int64_t count = 0;
  Dtype dtype = Dtype::kUInt8;
  const void* in = nullptr;
  void* out = nullptr;
  int color = 0, key = 0;
};

/// Where ranks that are threads meet: a barrier, one place a rank to post a call, and mailboxes.
class ThreadGroup {
 public:
  ThreadGroup(int size, std::shared_ptr<JobState> job);
  int size() const { return static_cast<int>(posted_.size()); }
  const std::shared_ptr<JobState>& job() const { return job_; }

  /// Posts this rank's call and waits until every rank has. Throws CommError if the calls differ.
  void meet(int rank, const Posted& posted);
  const Posted& posted(int rank) const { return posted_[static_cast<std::size_t>(rank)]; }
  void barrier();

  using Address = std::tuple<int, int, int>;  ///< source, destination, tag
  void put(const Address& address, std::vector<std::byte> message);
  std::vector<std::byte> take(const Address& address);

  /// The group that the ranks of `color` share from now on: whoever asks first makes it, until forget_subgroups().
  std::shared_ptr<ThreadGroup> subgroup(int color, int size);
  void forget_subgroups();

 private:
  /// Waits on `changed_` until `ready` under `lock`, but never longer than the job lives.
  template <class Ready>
  void wait(std::unique_lock<std::mutex>& lock, const Ready& ready);

  std::shared_ptr<JobState> job_;
  std::vector<Posted> posted_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  std::atomic<std::uint64_t> round_ = 0;
  std::map<Address, std::deque<std::vector<std::byte>>> mail_;
  std::map<int, std::shared_ptr<ThreadGroup>> subgroups_;
};

}  // namespace rensa::shm
