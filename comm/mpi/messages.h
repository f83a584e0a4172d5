#pragma once

#include <mpi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicators/communicator.h"
#include "comm/message_content.h"
#include "comm/started_messages.h"

namespace rensa::mpi {

/// Of what travels on the library's communicator.
enum LibraryTag : int {
  kLibraryMessages = 0,  ///< the announcements of messages of kLibraryTag
  kRingSegments = 1,
  kParts = 2,  ///< of arrays, which calls of all ranks send each other
  kFirstElements = 1024
};

/// MPI_Send of an array's elements, and MPI_Recv: CommError if other ones come than expected.
void send_elements(const Array& data, int destination, int tag, MPI_Comm comm);
void recv_elements(const Array& data, int source, int tag, MPI_Comm comm);

/// The messages between two ranks. What a message holds goes ahead, with the tag that its elements have on a
/// communicator of the library: which receive gets which message is then MPI's affair alone, and no receive takes a
/// message's elements for a message.
class Messages {
 public:
  /// What goes ahead of the program's messages travels on `program`; that of kLibraryTag and all elements on `library`.
  /// `rank` is how errors name this one; the others are StartedMessages'.
  Messages(MPI_Comm program, MPI_Comm library, std::string rank, double timeout_s, std::shared_ptr<CallLog> log);
  ~Messages();
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  void send(const Array& data, int destination, int tag);
  void recv(const Array& data, int source, int tag);
  Work start_send(const Array& data, int destination, int tag);
  Work start_recv(const Array& data, int source, int tag);
  void send_bytes(const std::string& bytes, int destination, int tag);
  Message recv_bytes(int source, int tag);

  /// Plain data.
  struct Announcement {
    MessageContent content;
    int elements_tag = 0;
  };

 private:
  struct Announced {
    Announcement message;
    int source = 0, tag = 0;
  };
  Announcement announce(const MessageContent& content, int destination, int tag);
  Announced recv_announcement(int source, int tag) const;
  int next_elements_tag(int destination);
  /// What to start messages with: it ends with MPI from now on.
  StartedMessages& started();
  MPI_Comm channel(int tag) const { return tag == kLibraryTag ? library_ : program_; }

  MPI_Comm program_, library_;
  /// The tag that the elements of the next message to each rank have. A tag comes again after as many messages to that
  /// rank as MPI has tags (2^19 or more in the libraries known; the standard allows 2^15): a message must be asked for
  /// before so many others have been sent.
  std::vector<int> next_elements_tag_;
  int last_tag_ = 0;
  StartedMessages started_;
  class StopAtFinalize;
  std::unique_ptr<StopAtFinalize> stop_at_finalize_;  ///< from the first started message
};

}  // namespace rensa::mpi
