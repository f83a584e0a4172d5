#pragma once

#include <functional>
#include <memory>

#include "comm/communicators/communicator.h"
#include "comm/shm/thread_group.h"

namespace rensa {

/// Ranks that are threads of one process: each reads the others' arrays where they lie. Rank r reduces part r of all
/// arrays, in the order of ranks, and writes it back to all of them.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<shm::ThreadGroup> group, int rank);
  std::string_view name() const override { return "shm"; }

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  void do_broadcast(const Array& data, int root) override;
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void do_all_gather(const Array& in, const Array& out) override;
  void do_gather(const Array& in, const Array& out, int root) override;
  void do_scatter(const Array& in, const Array& out, int root) override;
  void do_all_to_all(const Array& in, const Array& out) override;
  void do_send(const Array& data, int destination, int tag) override;
  void do_recv(const Array& data, int source, int tag) override;
  void do_barrier() override;
  std::unique_ptr<Communicator> do_split(int color, int key) override;
  [[noreturn]] void do_abort(int status) override;

  std::shared_ptr<shm::ThreadGroup> group_;
};

/// Runs fn(comm) on `ranks` threads, each a rank, and returns when all have ended. If one throws, the others' calls end
/// with CommError, and the first exception is thrown again here.
void run_on_threads(int ranks, const std::function<void(Communicator&)>& fn);

}  // namespace rensa
