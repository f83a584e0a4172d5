#include "comm/shm/shm_communicator.h"

#include <cstdlib>
#include <cstring>

#include "comm/shm/direct_reduction.h"
#include "comm/shm/staged_collectives.h"

namespace rensa {
namespace {

/// Up to so many bytes every rank reduces everything itself: one round instead of two.
constexpr std::size_t kReducedByAll = 8 * 1024;

}  // namespace

ShmCommunicator::ShmCommunicator(std::unique_ptr<shm::Group> group)
    : Communicator(group->place(), group->timeout_s()), group_(std::move(group)) {}

bool ShmCommunicator::begin(const Call& call, const Array& in, const Array& out) {
  shm::Meeting& meeting = group_->meeting();
  meeting.begin({.call = call,
                 .in = group_->publish(in.raw_data(), in.bytes()),
                 .out = group_->publish(out.raw_data(), out.bytes())});
  ins_.clear();
  outs_.clear();
  bool reached = true;
  for (int r = 0; r < size(); ++r) {
    ins_.push_back(group_->reach(meeting.posted(r).in));
    outs_.push_back(group_->reach(meeting.posted(r).out));
    reached = reached && ins_.back() && outs_.back();
  }
  if (group_->reaches_everything()) return true;
  meeting.next({.agrees = reached});
  for (int r = 0; r < size(); ++r) reached = reached && meeting.posted(r).agrees;
  return reached;
}

void ShmCommunicator::do_all_reduce(const Array& data, Reduce op) {
  const Call call("all_reduce", data.size(), data.dtype());
  shm::Meeting& meeting = group_->meeting();
  if (data.bytes() <= kReducedByAll) {
    std::memcpy(group_->staging(rank(), meeting.parity()), data.raw_data(), data.bytes());
    meeting.begin({.call = call});
    std::vector<const void*> inputs;
    for (int r = 0; r < size(); ++r) inputs.push_back(group_->staging(r, meeting.met_parity()));
    void* const output = data.raw_data();
    return shm::reduce_directly(inputs, std::span(&output, 1), 0, data.size(), data.dtype(), op);
  }
  if (!begin(call, data, data)) return shm::StagedCollectives(*group_).all_reduce(data, op, /*keep=*/true);
  const std::vector<const void*> inputs(ins_.begin(), ins_.end());
  const std::vector<void*> outputs(outs_.begin(), outs_.end());
  shm::reduce_directly(inputs, outputs, shm::part_begin(data.size(), rank(), size()),
                       shm::part_begin(data.size(), rank() + 1, size()), data.dtype(), op);
  meeting.next();
}

void ShmCommunicator::do_reduce(const Array& data, int root, Reduce op) {
  group_->meeting().begin({.call = {"reduce", data.size(), data.dtype(), root}});
  shm::StagedCollectives(*group_).all_reduce(data, op, /*keep=*/rank() == root);
}

void ShmCommunicator::do_broadcast(const Array& data, int root) {
  group_->meeting().begin({.call = {"broadcast", data.size(), data.dtype(), root}});
  shm::StagedCollectives(*group_).broadcast(data, root);
}

void ShmCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  // `out` may be a part of `in`: nobody else reads this rank's part but this rank.
  if (!begin({"reduce_scatter", out.size(), out.dtype()}, in, out)) {
    return shm::StagedCollectives(*group_).reduce_scatter(in, out, op);
  }
  std::vector<const void*> inputs;
  for (const std::byte* whole : ins_) inputs.push_back(whole + static_cast<std::size_t>(rank()) * out.bytes());
  void* const output = out.raw_data();
  shm::reduce_directly(inputs, std::span(&output, 1), 0, out.size(), out.dtype(), op);
  group_->meeting().next();
}

void ShmCommunicator::do_all_gather(const Array& in, const Array& out) {
  if (!begin({"all_gather", in.size(), in.dtype()}, in, out)) {
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
  group_->meeting().begin({.call = {"gather", in.size(), in.dtype(), root}});
  shm::StagedCollectives(*group_).gather(in, out, root);
}

void ShmCommunicator::do_scatter(const Array& in, const Array& out, int root) {
  group_->meeting().begin({.call = {"scatter", out.size(), out.dtype(), root}});
  shm::StagedCollectives(*group_).scatter(in, out, root);
}

void ShmCommunicator::do_all_to_all(const Array& in, const Array& out) {
  group_->meeting().begin({.call = {"all_to_all", in.size(), in.dtype()}});
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
