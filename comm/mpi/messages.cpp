#include "comm/mpi/messages.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_start.h"
#include "comm/mpi/pieces.h"
#include "core/error.h"

namespace rensa::mpi {
namespace {

using Announcement = Messages::Announcement;

/// A tag of messages in MPI's terms.
int mpi_tag(int tag) { return tag == kAnyTag ? MPI_ANY_TAG : tag == kLibraryTag ? kLibraryMessages : tag; }

int largest_tag() {
  constexpr int kLeast = 32767;  // that the standard allows
  int* tag = nullptr;
  int is_known = 0;
  check(MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, static_cast<void*>(&tag), &is_known), "MPI_Comm_get_attr");
  return is_known != 0 ? *tag : kLeast;
}

int size_of(MPI_Comm comm) {
  int size = 0;
  check(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  return size;
}

bool none_is_left(const std::vector<MPI_Request>& requests) {
  return std::all_of(requests.begin(), requests.end(), [](MPI_Request each) { return each == MPI_REQUEST_NULL; });
}

bool all_are_done(std::vector<MPI_Request>& requests) {
  int done = 0;
  check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
  return done != 0;
}

/// A started send. All of it is given to MPI at once.
class StartedSend final : public MessageUnderWay {
 public:
  StartedSend(const Array& data, const Announcement& announcement, int destination, int tag, MPI_Comm channel,
              MPI_Comm library)
      : data_(data),
        announcement_(announcement),
        destination_(destination),
        tag_(mpi_tag(tag)),
        channel_(channel),
        library_(library) {}
  bool advance() override {
    if (requests_.empty()) post();
    return all_are_done(requests_);
  }
  bool is_matched() const override { return true; }
  bool is_idle() const override { return none_is_left(requests_); }
  void cancel() override {}

 private:
  void post() {
    check(MPI_Isend(&announcement_, sizeof announcement_, MPI_BYTE, destination_, tag_, channel_,
                    &requests_.emplace_back(MPI_REQUEST_NULL)),
          "MPI_Isend");
    const MovedType type(data_.dtype());
    in_pieces(data_.size(), [&](std::int64_t first, int count) {
      check(MPI_Isend(bytes_at(data_, first), count, type, destination_, announcement_.elements_tag, library_,
                      &requests_.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Isend");
    });
  }

  Array data_;
  Announcement announcement_;
  int destination_, tag_;
  MPI_Comm channel_, library_;
  std::vector<MPI_Request> requests_;
};

/// A started receive. What the message holds comes first; where it does not fit, the elements go into a place of their
/// own.
class StartedReceive final : public MessageUnderWay {
 public:
  StartedReceive(const Array& data, int source, int tag, MPI_Comm channel, MPI_Comm library)
      : data_(data), source_(source), tag_(tag), channel_(channel), library_(library) {}
  bool advance() override {
    if (!is_matched_ && !finds_its_message()) return false;
    if (!all_are_done(requests_)) return false;
    check_fits(announcement_.content, data_, source_, tag_);
    return true;
  }
  bool is_matched() const override { return is_matched_; }
  bool is_idle() const override { return announced_ == MPI_REQUEST_NULL && none_is_left(requests_); }
  void cancel() override {
    if (announced_ == MPI_REQUEST_NULL) return;
    MPI_Cancel(&announced_);
    MPI_Wait(&announced_, MPI_STATUS_IGNORE);
  }

 private:
  bool finds_its_message() {
    if (announced_ == MPI_REQUEST_NULL) {
      check(MPI_Irecv(&announcement_, sizeof announcement_, MPI_BYTE, source_, mpi_tag(tag_), channel_, &announced_),
            "MPI_Irecv");
    }
    int here = 0;
    MPI_Status status;
    check(MPI_Test(&announced_, &here, &status), "MPI_Test");
    if (here == 0) return false;
    is_matched_ = true;
    if (tag_ == kAnyTag) tag_ = status.MPI_TAG;
    to_ = fits(announcement_.content, data_) ? data_ : scratch_for(announcement_.content);
    const MovedType type(to_.dtype());
    in_pieces(to_.size(), [&](std::int64_t first, int count) {
      check(MPI_Irecv(bytes_at(to_, first), count, type, source_, announcement_.elements_tag, library_,
                      &requests_.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Irecv");
    });
    return true;
  }

  Array data_, to_;
  int source_, tag_;
  MPI_Comm channel_, library_;
  Announcement announcement_;
  MPI_Request announced_ = MPI_REQUEST_NULL;
  bool is_matched_ = false;
  std::vector<MPI_Request> requests_;  ///< of its elements
};

}  // namespace

void send_elements(const Array& data, int destination, int tag, MPI_Comm comm) {
  const MovedType type(data.dtype());
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    check(MPI_Send(bytes_at(data, first), count, type, destination, tag, comm), "MPI_Send");
  });
}

void recv_elements(const Array& data, int source, int tag, MPI_Comm comm) {
  const MovedType type(data.dtype());
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    MPI_Status status;
    check(MPI_Recv(bytes_at(data, first), count, type, source, tag, comm, &status), "MPI_Recv");
    int received = 0;
    check(MPI_Get_count(&status, type, &received), "MPI_Get_count");
    if (received != count) {
      throw CommError("recv: rank ", source, " sent ", received, " elements, expected ", count, " for ", data.shape(),
                      " ", data.dtype(), ".");
    }
  });
}

/// Stops the thread of started messages when MPI ends before their communicator goes: MPI_Finalize begins with the
/// attributes of MPI_COMM_SELF.
class Messages::StopAtFinalize {
 public:
  explicit StopAtFinalize(StartedMessages& messages) {
    const auto stop = [](MPI_Comm, int, void* started, void*) {
      static_cast<StartedMessages*>(started)->stop();
      return MPI_SUCCESS;
    };
    check(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, stop, &key_, nullptr), "MPI_Comm_create_keyval");
    check(MPI_Comm_set_attr(MPI_COMM_SELF, key_, &messages), "MPI_Comm_set_attr");
  }
  ~StopAtFinalize() {
    if (!is_running()) return;
    MPI_Comm_delete_attr(MPI_COMM_SELF, key_);
    MPI_Comm_free_keyval(&key_);
  }
  StopAtFinalize(const StopAtFinalize&) = delete;
  StopAtFinalize& operator=(const StopAtFinalize&) = delete;

 private:
  int key_ = MPI_KEYVAL_INVALID;
};

Messages::Messages(MPI_Comm program, MPI_Comm library, std::string rank, double timeout_s, std::shared_ptr<CallLog> log)
    : program_(program),
      library_(library),
      next_elements_tag_(static_cast<std::size_t>(size_of(program)), kFirstElements),
      last_tag_(largest_tag()),
      started_(std::move(rank), timeout_s, std::move(log)) {}

Messages::~Messages() = default;

StartedMessages& Messages::started() {
  if (!stop_at_finalize_) stop_at_finalize_ = std::make_unique<StopAtFinalize>(started_);
  return started_;
}

int Messages::next_elements_tag(int destination) {
  int& next = next_elements_tag_[static_cast<std::size_t>(destination)];
  const int tag = next;
  next = tag == last_tag_ ? kFirstElements : tag + 1;
  return tag;
}

// The tag of a message could hold its dtype, too, but then no receive would match a message of another one.

Announcement Messages::announce(const MessageContent& content, int destination, int tag) {
  const Announcement message{.content = content, .elements_tag = next_elements_tag(destination)};
  check(MPI_Send(&message, sizeof message, MPI_BYTE, destination, mpi_tag(tag), channel(tag)), "MPI_Send");
  return message;
}

Messages::Announced Messages::recv_announcement(int source, int tag) const {
  Announced announced;
  MPI_Status status;
  check(MPI_Recv(&announced.message, sizeof announced.message, MPI_BYTE, source == kAnySource ? MPI_ANY_SOURCE : source,
                 mpi_tag(tag), channel(tag), &status),
        "MPI_Recv");
  announced.source = status.MPI_SOURCE;
  announced.tag = tag == kAnyTag ? status.MPI_TAG : tag;
  return announced;
}

void Messages::send(const Array& data, int destination, int tag) {
  const Announcement message = announce({.count = data.size(), .dtype = data.dtype()}, destination, tag);
  send_elements(data, destination, message.elements_tag, library_);
}

void Messages::recv(const Array& data, int source, int tag) {
  const Announced announced = recv_announcement(source, tag);
  const MessageContent& content = announced.message.content;
  const Array to = fits(content, data) ? data : scratch_for(content);
  recv_elements(to, announced.source, announced.message.elements_tag, library_);
  check_fits(content, data, announced.source, announced.tag);
}

Work Messages::start_send(const Array& data, int destination, int tag) {
  const Announcement message{.content = {.count = data.size(), .dtype = data.dtype()},
                             .elements_tag = next_elements_tag(destination)};
  return started().send(data, destination, tag,
                        std::make_unique<StartedSend>(data, message, destination, tag, channel(tag), library_));
}

Work Messages::start_recv(const Array& data, int source, int tag) {
  return started().recv(data, source, tag, [&](const Array& stretch) {
    return std::make_unique<StartedReceive>(stretch, source, tag, channel(tag), library_);
  });
}

void Messages::send_bytes(const std::string& bytes, int destination, int tag) {
  const auto length = static_cast<std::int64_t>(bytes.size());
  const Announcement message = announce({.count = length, .dtype = {}}, destination, tag);
  in_pieces(length, [&](std::int64_t first, int count) {
    check(MPI_Send(bytes.data() + first, count, MPI_BYTE, destination, message.elements_tag, library_), "MPI_Send");
  });
}

Message Messages::recv_bytes(int source, int tag) {
  const Announced announced = recv_announcement(source, tag);
  const MessageContent& content = announced.message.content;
  const int elements_tag = announced.message.elements_tag;
  if (content.dtype) recv_elements(scratch_for(content), announced.source, elements_tag, library_);
  check_is_bytes(content, announced.source, announced.tag);
  std::string bytes(static_cast<std::size_t>(content.count), 0);
  in_pieces(content.count, [&](std::int64_t first, int count) {
    check(MPI_Recv(bytes.data() + first, count, MPI_BYTE, announced.source, elements_tag, library_, MPI_STATUS_IGNORE),
          "MPI_Recv");
  });
  return {.bytes = std::move(bytes), .source = announced.source, .tag = announced.tag};
}

}  // namespace rensa::mpi
