#include "comm/shm/thread_group.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <set>
#include <thread>

#include "comm/shm/shm_communicator.h"
#include "core/error.h"

namespace rensa {
namespace shm {

void JobState::fail(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  reason_ = reason;
  failed_ = true;
}

void JobState::check() const {
  if (!failed_) return;
  const std::lock_guard lock(mutex_);
  throw CommError("another rank failed: ", reason_);
}

namespace {

constexpr std::align_val_t kPage{4096};

/// The place of rank `rank` among ranks on these nodes. Nodes count in the order of their first ranks.
RankPlace place_among(const std::vector<int>& nodes, int rank) {
  const int node = nodes[static_cast<std::size_t>(rank)];
  RankPlace place{.rank = rank, .size = static_cast<int>(nodes.size())};
  place.intra_rank = static_cast<int>(std::count(nodes.begin(), nodes.begin() + rank, node));
  place.intra_size = static_cast<int>(std::count(nodes.begin(), nodes.end(), node));
  std::vector<int> distinct;
  for (const int each : nodes) {
    if (std::find(distinct.begin(), distinct.end(), each) == distinct.end()) distinct.push_back(each);
  }
  place.inter_size = static_cast<int>(distinct.size());
  place.inter_rank = static_cast<int>(std::find(distinct.begin(), distinct.end(), node) - distinct.begin());
  place.nodes_are_equal = std::all_of(distinct.begin(), distinct.end(), [&](int each) {
    return std::count(nodes.begin(), nodes.end(), each) == place.intra_size;
  });
  return place;
}

}  // namespace

void ThreadRoom::Freed::operator()(std::byte* memory) const { ::operator delete(memory, kPage); }

ThreadRoom::Memory ThreadRoom::allocate(std::size_t bytes) {
  Memory memory(static_cast<std::byte*>(::operator new(bytes, kPage)));
  std::memset(memory.get(), 0, bytes);
  return memory;
}

ThreadRoom::ThreadRoom(std::vector<int> nodes, std::shared_ptr<JobState> job, double timeout_s)
    : nodes_(std::move(nodes)),
      job_(std::move(job)),
      timeout_s_(timeout_s),
      board_(allocate(Meeting::board_bytes(size()))),
      staging_(static_cast<std::byte*>(::operator new(static_cast<std::size_t>(size()) * 2 * kStagingBytes, kPage))) {}

Patience ThreadRoom::patience() const {
  return {.limit_s = timeout_s_,
          .check = [job = job_] { job->check(); },
          .yields = size() > static_cast<int>(std::thread::hardware_concurrency())};
}

std::byte* ThreadRoom::staging(int r, int parity) const {
  return staging_.get() + static_cast<std::size_t>(2 * r + parity) * kStagingBytes;
}

bool ThreadRoom::Ticket::suits(const Message& message) const {
  const bool tag_fits = tag == kAnyTag ? message.tag != kLibraryTag : message.tag == tag;
  return tag_fits && (source == kAnySource || message.source == source);
}

void ThreadRoom::post(int destination, Letter letter) {
  job_->check();
  {
    const std::lock_guard lock(mutex_);
    auto& tickets = tickets_[destination];
    const auto first =
        std::find_if(tickets.begin(), tickets.end(), [&](const auto& t) { return t->suits(letter.message); });
    if (first == tickets.end()) {
      letters_[destination].push_back(std::move(letter));
      return;
    }
    (*first)->letter = std::move(letter);
    tickets.erase(first);
  }
  changed_.notify_all();
}

std::shared_ptr<ThreadRoom::Ticket> ThreadRoom::ask(int source, int destination, int tag) {
  auto ticket =
      std::make_shared<Ticket>(Ticket{.source = source, .destination = destination, .tag = tag, .letter = {}});
  const std::lock_guard lock(mutex_);
  auto& letters = letters_[destination];
  const auto first =
      std::find_if(letters.begin(), letters.end(), [&](const Letter& l) { return ticket->suits(l.message); });
  if (first == letters.end()) {
    tickets_[destination].push_back(ticket);
  } else {
    ticket->letter = std::move(*first);
    letters.erase(first);
  }
  return ticket;
}

ThreadRoom::Letter ThreadRoom::take(int source, int destination, int tag) {
  const std::shared_ptr<Ticket> ticket = ask(source, destination, tag);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_s_);
  std::unique_lock lock(mutex_);
  while (!ticket->letter) {
    changed_.wait_for(lock, std::chrono::milliseconds(20));
    job_->check();
    if (ticket->letter || std::chrono::steady_clock::now() <= limit) continue;
    std::erase(tickets_[destination], ticket);
    throw CommError("rank ", destination, " of ", size(), ": recv has waited ", timeout_s_,
                    " s for a message from rank ", source, ". A longer limit: comm_timeout.");
  }
  return std::move(*ticket->letter);
}

std::optional<ThreadRoom::Letter> ThreadRoom::look(Ticket& ticket) {
  job_->check();
  const std::lock_guard lock(mutex_);
  return std::exchange(ticket.letter, std::nullopt);
}

void ThreadRoom::give_back(const std::shared_ptr<Ticket>& ticket) {
  const std::lock_guard lock(mutex_);
  std::erase(tickets_[ticket->destination], ticket);
}

std::shared_ptr<ThreadRoom> ThreadRoom::subroom(int color, const std::vector<int>& nodes) {
  const std::lock_guard lock(mutex_);
  auto& room = subrooms_[color];
  if (!room) room = std::make_shared<ThreadRoom>(nodes, job_, timeout_s_);
  return room;
}

void ThreadRoom::close_subrooms() {
  const std::lock_guard lock(mutex_);
  subrooms_.clear();
}

namespace {

void deliver(const ThreadRoom::Letter& letter, const Array& data) {
  check_fits(letter.content, data, letter.message.source, letter.message.tag);
  std::memcpy(data.raw_data(), letter.message.bytes.data(), letter.message.bytes.size());
}

/// A started receive.
class AwaitedLetter final : public MessageUnderWay {
 public:
  AwaitedLetter(std::shared_ptr<ThreadRoom> room, const Array& data, int source, int destination, int tag)
      : room_(std::move(room)), data_(data), ticket_(room_->ask(source, destination, tag)) {}
  ~AwaitedLetter() override { room_->give_back(ticket_); }
  AwaitedLetter(const AwaitedLetter&) = delete;
  AwaitedLetter& operator=(const AwaitedLetter&) = delete;
  bool advance() override {
    const auto letter = room_->look(*ticket_);
    if (letter) deliver(*letter, data_);
    return letter.has_value();
  }
  bool is_matched() const override { return false; }  // it is done at once then
  bool is_idle() const override { return true; }
  void cancel() override {}  // the ticket goes back with it

 private:
  std::shared_ptr<ThreadRoom> room_;
  Array data_;
  std::shared_ptr<ThreadRoom::Ticket> ticket_;
};

}  // namespace

ThreadGroup::ThreadGroup(std::shared_ptr<ThreadRoom> room, int rank)
    : room_(std::move(room)),
      place_(place_among(room_->nodes(), rank)),
      meeting_(room_->board(), rank, room_->size(), room_->patience()),
      started_(detail::join("rank ", rank, " of ", room_->size()), room_->patience().limit_s) {}

void ThreadGroup::send(const Array& data, int destination, int tag) {
  std::string bytes(static_cast<const char*>(data.raw_data()), data.bytes());
  room_->post(destination, {.message = {std::move(bytes), place_.rank, tag},
                            .content = {.count = data.size(), .dtype = data.dtype()}});
}

void ThreadGroup::recv(const Array& data, int source, int tag) { deliver(room_->take(source, place_.rank, tag), data); }

Work ThreadGroup::start_send(const Array& data, int destination, int tag) {
  send(data, destination, tag);  // a copy, which waits for nobody
  return {};
}

Work ThreadGroup::start_recv(const Array& data, int source, int tag) {
  return started_.recv(data, source, tag, [&](const Array& stretch) {
    return std::make_unique<AwaitedLetter>(room_, stretch, source, place_.rank, tag);
  });
}

void ThreadGroup::send_bytes(const std::string& bytes, int destination, int tag) {
  room_->post(destination, {.message = {bytes, place_.rank, tag},
                            .content = {.count = static_cast<std::int64_t>(bytes.size()), .dtype = {}}});
}

Message ThreadGroup::recv_bytes(int source, int tag) {
  ThreadRoom::Letter letter = room_->take(source, place_.rank, tag);
  check_is_bytes(letter.content, letter.message.source, letter.message.tag);
  return std::move(letter.message);
}

void ThreadGroup::pull(int, const Address& from, std::size_t offset, void* to, std::size_t bytes) {
  if (const std::byte* const source = reach(from) + offset; source != to) std::memcpy(to, source, bytes);
}

std::unique_ptr<Group> ThreadGroup::split(int color, int key) {
  meeting_.begin({.call = {"split", 0, Dtype::kUInt8}, .color = color, .key = key});
  std::vector<std::pair<int, int>> members;  // (key, rank)
  for (int r = 0; r < room_->size(); ++r) {
    if (meeting_.posted(r).color == color) members.emplace_back(meeting_.posted(r).key, r);
  }
  std::sort(members.begin(), members.end());
  std::unique_ptr<Group> result;
  if (color >= 0) {
    std::vector<int> nodes;
    for (const auto& member : members) nodes.push_back(room_->nodes()[static_cast<std::size_t>(member.second)]);
    const auto me = std::find(members.begin(), members.end(), std::pair(key, place_.rank));
    result = std::make_unique<ThreadGroup>(room_->subroom(color, nodes), static_cast<int>(me - members.begin()));
  }
  meeting_.next();
  room_->close_subrooms();
  meeting_.next();
  return result;
}

void ThreadGroup::abort(int status) { std::_Exit(status); }

}  // namespace shm

void run_on_threads(int ranks, const std::function<void(Communicator&)>& fn, const ThreadOptions& options) {
  if (ranks < 1) throw ValueError("run_on_threads: ", ranks, " ranks, expected at least 1.");
  std::vector<int> nodes;
  for (int r = 0; r < ranks; ++r) nodes.push_back(options.ranks_per_node > 0 ? r / options.ranks_per_node : 0);
  auto job = std::make_shared<shm::JobState>();
  auto room = std::make_shared<shm::ThreadRoom>(nodes, job, options.timeout_s);
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](int rank) {
    ShmCommunicator comm(std::make_unique<shm::ThreadGroup>(room, rank));
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
