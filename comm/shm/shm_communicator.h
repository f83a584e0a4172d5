#pragma once

#include <memory>
#include <vector>

#include "comm/communicators/communicator.h"
#include "comm/shm/group.h"

namespace rensa {

/// Ranks that share memory: threads of one process or processes of one node. The same code for both.
///
/// Arrays that every rank can address (threads; memory of allocate_shared()) are reduced where they lie: rank r reduces
/// part r of all of them, in the order of ranks, and writes it to all. Other long arrays are read where they lie, with
/// the kernel's help. The rest, and all where the system forbids that, passes through small staging areas that stay in
/// the cache, a piece a round, all ranks working at once.
class ShmCommunicator final : public Communicator {
 public:
  explicit ShmCommunicator(std::unique_ptr<shm::Group> group);
  std::string_view name() const override { return "single_node"; }

 private:
  void do_all_reduce(const Array& data, Reduce op) override;
  void do_reduce(const Array& data, int root, Reduce op) override;
  void do_broadcast(const Array& data, int root) override;
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override;
  void do_all_gather(const Array& in, const Array& out) override;
  void do_gather(const Array& in, const Array& out, int root) override;
  void do_scatter(const Array& in, const Array& out, int root) override;
  void do_all_to_all(const Array& in, const Array& out) override;
  void do_send(const Array& data, int destination, int tag) override { group_->send(data, destination, tag); }
  void do_recv(const Array& data, int source, int tag) override { group_->recv(data, source, tag); }
  Work do_start_send(const Array& data, int to, int tag) override { return group_->start_send(data, to, tag); }
  Work do_start_recv(const Array& data, int from, int tag) override { return group_->start_recv(data, from, tag); }
  void do_send_bytes(const std::string& bytes, int to, int tag) override { group_->send_bytes(bytes, to, tag); }
  Message do_recv_bytes(int source, int tag) override { return group_->recv_bytes(source, tag); }
  void do_barrier() override;
  Array do_allocate_shared(std::int64_t count, Dtype dtype) override { return group_->allocate(count, dtype); }
  std::unique_ptr<Communicator> do_split(int color, int key) override;
  std::unique_ptr<Communicator> do_split_by_node() override;
  [[noreturn]] void do_abort(int status) override;

  /// Begins `call` with the addresses of `in` and `out` posted.
  void begin(const Call& call, const Array& in, const Array& out);
  /// Fills `ins_` and `outs_`; true on every rank if all can address all arrays of the call that has begun.
  bool all_are_reached();
  /// Whether arrays of so many bytes are read where they lie instead of being staged; the same on every rank.
  bool pulls(std::size_t bytes) const;

  std::unique_ptr<shm::Group> group_;
  std::vector<const void*> inputs_;
  std::vector<std::byte*> ins_, outs_;  ///< every rank's arrays of the call under way, where all can be addressed
};

}  // namespace rensa
