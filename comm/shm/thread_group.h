#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/message_content.h"
#include "comm/shm/group.h"
#include "comm/started_messages.h"

namespace rensa {

struct ThreadOptions {
  int ranks_per_node = 0;  ///< pretends that so many ranks share a node; 0: all of them
  double timeout_s = 300;  ///< a rank that waits longer for another throws CommError
};

/// Runs fn(comm) on `ranks` threads, each a rank, and returns when all have ended. If one throws, the others' calls end
/// with CommError, and the first exception is thrown again here.
void run_on_threads(int ranks, const std::function<void(Communicator&)>& fn, const ThreadOptions& options = {});

namespace shm {

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

/// What the threads of a group share: the board, the staging areas, letters, and the groups they are about to split
/// into.
class ThreadRoom {
 public:
  ThreadRoom(std::vector<int> nodes, std::shared_ptr<JobState> job, double timeout_s);
  int size() const { return static_cast<int>(nodes_.size()); }
  const std::vector<int>& nodes() const { return nodes_; }
  Patience patience() const;
  void* board() const { return board_.get(); }
  std::byte* staging(int r, int parity) const;

  struct Letter {
    Message message;
    MessageContent content;
  };
  /// Somebody who waits for a letter. It gets the first that suits it and that no ticket before it takes.
  struct Ticket {
    int source, destination, tag;  ///< or kAnySource, and kAnyTag, which leaves the library's own messages alone
    std::optional<Letter> letter;
    bool suits(const Message& message) const;
  };
  void post(int destination, Letter letter);
  std::shared_ptr<Ticket> ask(int source, int destination, int tag);
  /// Asks for a letter and waits for it.
  Letter take(int source, int destination, int tag);
  /// The letter, once it is there, without waiting.
  std::optional<Letter> look(Ticket& ticket);
  void give_back(const std::shared_ptr<Ticket>& ticket);

  /// The room of the ranks of one colour: whoever asks first makes it, until close_subrooms().
  std::shared_ptr<ThreadRoom> subroom(int color, const std::vector<int>& nodes);
  void close_subrooms();

 private:
  struct Freed {
    void operator()(std::byte* memory) const;
  };
  using Memory = std::unique_ptr<std::byte, Freed>;
  static Memory allocate(std::size_t bytes);

  const std::vector<int> nodes_;  ///< of each rank
  const std::shared_ptr<JobState> job_;
  const double timeout_s_;
  Memory board_, staging_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, std::deque<Letter>> letters_;  ///< that nobody has asked for; by destination, in the order of sending
  std::map<int, std::deque<std::shared_ptr<Ticket>>> tickets_;  ///< without a letter; likewise, in the order of asking
  std::map<int, std::shared_ptr<ThreadRoom>> subrooms_;
};

/// Ranks that are threads of one process. Every address is everybody's.
class ThreadGroup final : public Group {
 public:
  ThreadGroup(std::shared_ptr<ThreadRoom> room, int rank);

  const RankPlace& place() const override { return place_; }
  double timeout_s() const override { return room_->patience().limit_s; }
  Meeting& meeting() override { return meeting_; }
  std::byte* staging(int r, int parity) override { return room_->staging(r, parity); }
  Address publish(const void* data, std::size_t) const override {
    return {.address = reinterpret_cast<std::uintptr_t>(data)};
  }
  std::byte* reach(const Address& address) const override { return reinterpret_cast<std::byte*>(address.address); }
  bool reaches_everything() const override { return true; }
  bool can_pull() const override { return true; }
  void pull(int r, const Address& from, std::size_t offset, void* to, std::size_t bytes) override;
  Array allocate(std::int64_t count, Dtype dtype) override { return zeros({count}, dtype); }

  void send(const Array& data, int destination, int tag) override;
  void recv(const Array& data, int source, int tag) override;
  Work start_send(const Array& data, int destination, int tag) override;
  Work start_recv(const Array& data, int source, int tag) override;
  void send_bytes(const std::string& bytes, int destination, int tag) override;
  Message recv_bytes(int source, int tag) override;

  std::unique_ptr<Group> split(int color, int key) override;
  std::unique_ptr<Group> split_by_node() override { return split(place_.inter_rank, place_.intra_rank); }
  [[noreturn]] void abort(int status) override;

 private:
  std::shared_ptr<ThreadRoom> room_;
  RankPlace place_;
  Meeting meeting_;
  StartedMessages started_;
};

}  // namespace shm
}  // namespace rensa
