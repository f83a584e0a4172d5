#include "comm/shm/shm_communicator.h"

#include <cstdlib>
#include <cstring>

#include "comm/shm/direct_reduction.h"
#include "comm/shm/pulled_collectives.h"
#include "comm/shm/staged_collectives.h"

namespace rensa {
namespace {

/// Up to so many bytes every rank reduces everything itself: one round instead of two.
constexpr std::size_t kReducedByAll = 8 * 1024;
/// From so many bytes on one copy by the kernel is quicker than two through a staging area.
constexpr std::size_t kPulled = 512 * 1024;

}  // namespace

ShmCommunicator::ShmCommunicator(std::unique_ptr<shm::Group> group)
    : Communicator(group->place(), group->timeout_s()), group_(std::move(group)) {}

void ShmCommunicator::begin(const Call& call, const Array& in, const Array& out) {
  group_->meeting().begin({.call = call,
                           .in = group_->publish(in.raw_data(), in.bytes()),
                           .out = group_->publish(out.raw_data(), out.bytes())});
}

bool ShmCommunicator::all_are_reached() {
  shm::Meeting& meeting = group_->meeting();
  ins_.clear();
  outs_.clear();
  bool shared = true, reached = true;
  for (int r = 0; r < size(); ++r) {
    const shm::Posted& posted = meeting.posted(r);
    shared = shared && posted.in.segment != 0 && posted.out.segment != 0;
    ins_.push_back(group_->reach(posted.in));
    outs_.push_back(group_->reach(posted.out));
    reached = reached && ins_.back() && outs_.back();
  }
  if (group_->reaches_everything()) return true;
  if (!shared) return false;  // as every rank sees
  // A segment that another group made may be mapped on some of these ranks only.
  const shm::Posted mine = meeting.posted(rank());
  meeting.next({.in = mine.in, .out = mine.out, .agrees = reached});
  for (int r = 0; r < size(); ++r) reached = reached && meeting.posted(r).agrees;
  return reached;
}

bool ShmCommunicator::pulls(std::size_t bytes) const { return bytes >= kPulled && group_->can_pull(); }

void ShmCommunicator::do_all_reduce(const Array& data, Reduce op) {
  const Call call("all_reduce", data.size(), data.dtype(), op);
  shm::Meeting& meeting = group_->meeting();
  if (data.bytes() <= kReducedByAll) {
    const auto* const own = static_cast<const std::byte*>(data.raw_data());
    const bool shortest = data.bytes() <= shm::Meeting::kPayloadBytes;
    if (shortest) {
      meeting.begin({.call = call}, {own, data.bytes()});
    } else {
      std::memcpy(group_->staging(rank(), meeting.parity()), own, data.bytes());
      meeting.begin({.call = call});
    }
    inputs_.clear();
    for (int r = 0; r < size(); ++r) {
      inputs_.push_back(shortest ? meeting.payload(r) : group_->staging(r, meeting.met_parity()));
    }
    void* const output = data.raw_data();
    return shm::reduce_directly(inputs_, std::span(&output, 1), 0, data.size(), data.dtype(), op);
  }
  begin(call, data, data);
  if (!all_are_reached()) {
    if (pulls(data.bytes())) return shm::PulledCollectives(*group_).all_reduce(data, op);
    return shm::StagedCollectives(*group_).all_reduce(data, op, /*keep=*/true);
  }
  const std::vector<const void*> inputs(ins_.begin(), ins_.end());
  const std::vector<void*> outputs(outs_.begin(), outs_.end());
  shm::reduce_directly(inputs, outputs, shm::part_begin(data.size(), rank(), size()),
                       shm::part_begin(data.size(), rank() + 1, size()), data.dtype(), op);
  meeting.next();
}

void ShmCommunicator::do_reduce(const Array& data, int root, Reduce op) {
  begin({"reduce", data.size(), data.dtype(), op, root}, data, data);
  if (pulls(data.bytes())) return shm::PulledCollectives(*group_).reduce(data, root, op);
  shm::StagedCollectives(*group_).all_reduce(data, op, /*keep=*/rank() == root);
}

void ShmCommunicator::do_broadcast(const Array& data, int root) {
  begin({"broadcast", data.size(), data.dtype(), root}, data, data);
  if (pulls(data.bytes())) return shm::PulledCollectives(*group_).broadcast(data, root);
  shm::StagedCollectives(*group_).broadcast(data, root);
}

void ShmCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  // `out` may be a part of `in`: nobody else reads this rank's part but this rank.
  begin({"reduce_scatter", out.size(), out.dtype(), op}, in, out);
  if (!all_are_reached()) {
    if (pulls(in.bytes())) return shm::PulledCollectives(*group_).reduce_scatter(in, out, op);
    return shm::StagedCollectives(*group_).reduce_scatter(in, out, op);
  }
  std::vector<const void*> inputs;
  for (const std::byte* whole : ins_) inputs.push_back(whole + static_cast<std::size_t>(rank()) * out.bytes());
  void* const output = out.raw_data();
  shm::reduce_directly(inputs, std::span(&output, 1), 0, out.size(), out.dtype(), op);
  group_->meeting().next();
}

void ShmCommunicator::do_all_gather(const Array& in, const Array& out) {
  begin({"all_gather", in.size(), in.dtype()}, in, out);
  if (!all_are_reached()) {
    if (pulls(in.bytes())) return shm::PulledCollectives(*group_).gather(in, out, /*reader=*/-1);
    return shm::StagedCollectives(*group_).gather(in, out, /*reader=*/-1);
  }
  auto* to = static_cast<std::byte*>(out.raw_data());
  for (const std::byte* from : ins_) {
    if (to != from) std::memcpy(to, from, in.bytes());
    to += in.bytes();
  }
  group_->meeting().next();
}

void ShmCommunicator::do_gather(const Array& in, const Array& out, int root) {
  begin({"gather", in.size(), in.dtype(), root}, in, out);
  if (pulls(in.bytes())) return shm::PulledCollectives(*group_).gather(in, out, root);
  shm::StagedCollectives(*group_).gather(in, out, root);
}

void ShmCommunicator::do_scatter(const Array& in, const Array& out, int root) {
  begin({"scatter", out.size(), out.dtype(), root}, in, out);
  if (pulls(out.bytes())) return shm::PulledCollectives(*group_).scatter(in, out, root);
  shm::StagedCollectives(*group_).scatter(in, out, root);
}

void ShmCommunicator::do_all_to_all(const Array& in, const Array& out) {
  begin({"all_to_all", in.size(), in.dtype()}, in, out);
  if (pulls(in.bytes())) return shm::PulledCollectives(*group_).all_to_all(in, out);
  shm::StagedCollectives(*group_).all_to_all(in, out);
}

void ShmCommunicator::do_barrier() { group_->meeting().begin({.call = {"barrier", 0, Dtype::kUInt8}}); }

std::unique_ptr<Communicator> ShmCommunicator::do_split(int color, int key) {
  auto part = group_->split(color, key);
  return part ? std::make_unique<ShmCommunicator>(std::move(part)) : nullptr;
}

std::unique_ptr<Communicator> ShmCommunicator::do_split_by_node() {
  return std::make_unique<ShmCommunicator>(group_->split_by_node());
}

void ShmCommunicator::do_abort(int status) {
  group_->abort(status);
  std::_Exit(status);  // compilers do not know that a virtual function never returns
}

}  // namespace rensa
