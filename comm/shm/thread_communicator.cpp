#include "comm/shm/thread_communicator.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>

#include "comm/shm/direct_reduction.h"
#include "core/error.h"

namespace rensa {
namespace {

RankPlace one_node(int rank, int size) {
  return {.rank = rank, .size = size, .intra_rank = rank, .intra_size = size, .inter_rank = 0, .inter_size = 1};
}

void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (to != from) std::memcpy(to, from, bytes);
}

const std::byte* part(const void* whole, int index, std::size_t bytes) {
  return static_cast<const std::byte*>(whole) + static_cast<std::size_t>(index) * bytes;
}
std::byte* part(void* whole, int index, std::size_t bytes) {
  return static_cast<std::byte*>(whole) + static_cast<std::size_t>(index) * bytes;
}

}  // namespace

ThreadCommunicator::ThreadCommunicator(std::shared_ptr<shm::ThreadGroup> group, int rank)
    : Communicator(one_node(rank, group->size())), group_(std::move(group)) {}

void ThreadCommunicator::do_all_reduce(const Array& data, Reduce op) {
  group_->meet(rank(), {.call = "all_reduce", .count = data.size(), .dtype = data.dtype(), .in = data.raw_data(),
                        .out = data.raw_data()});
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (int r = 0; r < size(); ++r) {
    inputs.push_back(group_->posted(r).in);
    outputs.push_back(group_->posted(r).out);
  }
  shm::reduce_directly(inputs, outputs, shm::part_begin(data.size(), rank(), size()),
                       shm::part_begin(data.size(), rank() + 1, size()), data.dtype(), op);
  group_->barrier();
}

void ThreadCommunicator::do_broadcast(const Array& data, int root) {
  group_->meet(rank(), {.call = "broadcast", .count = data.size(), .dtype = data.dtype(), .in = data.raw_data()});
  copy_bytes(data.raw_data(), group_->posted(root).in, data.bytes());
  group_->barrier();
}

void ThreadCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  // `out` may be a part of `in`: nobody else reads this rank's part but this rank.
  group_->meet(rank(), {.call = "reduce_scatter", .count = out.size(), .dtype = out.dtype(), .in = in.raw_data()});
  std::vector<const void*> inputs;
  for (int r = 0; r < size(); ++r) inputs.push_back(part(group_->posted(r).in, rank(), out.bytes()));
  void* const output = out.raw_data();
  shm::reduce_directly(inputs, std::span(&output, 1), 0, out.size(), out.dtype(), op);
  group_->barrier();
}

void ThreadCommunicator::do_all_gather(const Array& in, const Array& out) {
  group_->meet(rank(), {.call = "all_gather", .count = in.size(), .dtype = in.dtype(), .in = in.raw_data()});
  for (int r = 0; r < size(); ++r) {
    copy_bytes(part(out.raw_data(), r, in.bytes()), group_->posted(r).in, in.bytes());
  }
  group_->barrier();
}

void ThreadCommunicator::do_gather(const Array& in, const Array& out, int root) {
  group_->meet(rank(), {.call = "gather", .count = in.size(), .dtype = in.dtype(), .in = in.raw_data()});
  for (int r = 0; r < size() && rank() == root; ++r) {
    copy_bytes(part(out.raw_data(), r, in.bytes()), group_->posted(r).in, in.bytes());
  }
  group_->barrier();
}

void ThreadCommunicator::do_scatter(const Array& in, const Array& out, int root) {
  group_->meet(rank(), {.call = "scatter", .count = out.size(), .dtype = out.dtype(),
                        .in = in ? in.raw_data() : nullptr});
  copy_bytes(out.raw_data(), part(group_->posted(root).in, rank(), out.bytes()), out.bytes());
  group_->barrier();
}

void ThreadCommunicator::do_all_to_all(const Array& in, const Array& out) {
  group_->meet(rank(), {.call = "all_to_all", .count = in.size(), .dtype = in.dtype(), .in = in.raw_data()});
  const std::size_t bytes = in.bytes() / static_cast<std::size_t>(size());
  for (int r = 0; r < size(); ++r) {
    copy_bytes(part(out.raw_data(), r, bytes), part(group_->posted(r).in, rank(), bytes), bytes);
  }
  group_->barrier();
}

void ThreadCommunicator::do_send(const Array& data, int destination, int tag) {
  const auto* bytes = static_cast<const std::byte*>(data.raw_data());
  group_->put({rank(), destination, tag}, std::vector<std::byte>(bytes, bytes + data.bytes()));
}

void ThreadCommunicator::do_recv(const Array& data, int source, int tag) {
  const std::vector<std::byte> message = group_->take({source, rank(), tag});
  if (message.size() != data.bytes()) {
    throw CommError("recv: rank ", source, " sent ", message.size(), " bytes with tag ", tag, ", expected ",
                    data.bytes(), " for ", data.shape(), " ", data.dtype(), ".");
  }
  std::memcpy(data.raw_data(), message.data(), message.size());
}

void ThreadCommunicator::do_barrier() { group_->barrier(); }

std::unique_ptr<Communicator> ThreadCommunicator::do_split(int color, int key) {
  group_->meet(rank(), {.call = "split", .color = color, .key = key});
  std::vector<std::pair<int, int>> members;  // (key, rank)
  for (int r = 0; r < size(); ++r) {
    if (group_->posted(r).color == color) members.emplace_back(group_->posted(r).key, r);
  }
  std::sort(members.begin(), members.end());
  std::unique_ptr<Communicator> result;
  if (color >= 0) {
    const auto me = std::find(members.begin(), members.end(), std::pair(key, rank()));
    result = std::make_unique<ThreadCommunicator>(group_->subgroup(color, static_cast<int>(members.size())),
                                                  static_cast<int>(me - members.begin()));
  }
  group_->barrier();
  group_->forget_subgroups();
  group_->barrier();
  return result;
}

void ThreadCommunicator::do_abort(int status) { std::_Exit(status); }

void run_on_threads(int ranks, const std::function<void(Communicator&)>& fn) {
  if (ranks < 1) throw ValueError("run_on_threads: ", ranks, " ranks, expected at least 1.");
  auto job = std::make_shared<shm::JobState>();
  auto group = std::make_shared<shm::ThreadGroup>(ranks, job);
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](int rank) {
    ThreadCommunicator comm(group, rank);
    try {
      fn(comm);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
      try {
        throw;
      } catch (const std::exception& e) {
        job->fail(detail::join("rank ", rank, ": ", e.what()));
      } catch (...) {
        job->fail(detail::join("rank ", rank, ": an exception of unknown type"));
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < ranks; ++rank) threads.emplace_back(run, rank);
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace rensa
