#pragma once

#include <memory>

#include "comm/shm/group.h"
#include "comm/shm/peer_memory.h"
#include "comm/shm/segment.h"

namespace rensa::shm {

/// Ranks that are processes of one node.
class ProcessGroup final : public Group {
 public:
  /// `transport` brings them together, carries point-to-point messages, and is split with the group. A call on all its
  /// ranks together. Null on every rank, and `transport` left alone, if they cannot share memory.
  static std::unique_ptr<Group> create(std::unique_ptr<Communicator>& transport);

  const RankPlace& place() const override { return transport_->place(); }
  double timeout_s() const override { return transport_->timeout_s(); }
  Meeting& meeting() override { return meeting_; }
  std::byte* staging(int r, int parity) override;
  Address publish(const void* data, std::size_t bytes) const override { return Segment::publish(data, bytes); }
  std::byte* reach(const Address& address) const override { return Segment::reach(address); }
  bool reaches_everything() const override { return false; }
  bool can_pull() const override { return peers_.can_read(); }
  void pull(int r, const Address& from, std::size_t offset, void* to, std::size_t bytes) override;
  Array allocate(std::int64_t count, Dtype dtype) override;

  void send(const Array& data, int destination, int tag) override { transport_->send(data, destination, tag); }
  void recv(const Array& data, int source, int tag) override { transport_->recv(data, source, tag); }
  Work start_send(const Array& data, int to, int tag) override { return transport_->start_send(data, to, tag); }
  Work start_recv(const Array& data, int from, int tag) override { return transport_->start_recv(data, from, tag); }
  void send_bytes(const std::string& bytes, int to, int tag) override { transport_->send_bytes(bytes, to, tag); }
  Message recv_bytes(int source, int tag) override { return transport_->recv_bytes(source, tag); }

  std::unique_ptr<Group> split(int color, int key) override;
  std::unique_ptr<Group> split_by_node() override { return split(0, place().rank); }
  [[noreturn]] void abort(int status) override;

 private:
  ProcessGroup(std::unique_ptr<Communicator> transport, std::shared_ptr<Segment> segment);

  std::unique_ptr<Communicator> transport_;
  std::shared_ptr<Segment> segment_;  ///< the board and behind it the staging areas
  std::byte* staging_;
  Meeting meeting_;
  PeerMemory peers_;
};

}  // namespace rensa::shm
