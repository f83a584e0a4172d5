#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "comm/calls/call_log.h"

namespace rensa::watchdog {

using Clock = std::chrono::steady_clock;

/// Where a rank runs: what the others need to name it, to reach it and to end it.
struct Seat {
  int rank = 0;
  int node = 0;                        ///< ranks of a node can be named together
  std::string host;                    ///< for people
  std::string host_key;                ///< equal for processes that see each other's process numbers and loopback
  std::int64_t pid = 0, born = 0;      ///< `born` tells the process from a later one of the same number
  std::vector<std::string> addresses;  ///< of the host, numeric
  int port = 0;                        ///< where this rank listens
};

/// What a rank says of one of its communicators. Plain data: it travels as it is between ranks of one program.
struct CommunicatorReport {
  std::uint64_t id = 0;             ///< equal on its ranks
  std::array<char, 20> name{};      ///< "hierarchical", ended by zero
  std::int32_t rank = 0, size = 1;  ///< inside the communicator
  std::int32_t level = 0;           ///< the program's own have a lower one than those they are made of
  bool closed = false;              ///< gone on this rank
  bool running = false;             ///< the last call is under way
  double seconds = 0;               ///< since the last call began or, if it is not running, ended
  std::uint64_t number = 0;         ///< of the last collective call
  std::uint64_t digest = 0;         ///< of all collective calls up to it
  std::array<CallLog::Mark, 2 * CallLog::kStrides.size()> marks{};
  Call last;
};

/// The calls first, first + 1 … that a rank still remembers of one communicator.
struct Detail {
  std::uint64_t id = 0, first = 0;
  std::vector<CallLog::Kept> calls;
};

enum class MessageType : std::uint8_t {
  kHello,    ///< a rank introduces itself, or a station answers
  kBeat,     ///< nothing but a sign of life
  kReports,  ///< communicators whose state changed
  kAsk,      ///< report now, with the detail of a communicator (id 0: of none)
  kDetail,   ///< the answer
  kFailed,   ///< this rank gives up; it waits for the verdict
  kBye,      ///< this rank needs the watchdog no more
  kVerdict,  ///< the job ends
};

/// Values put one behind the other; both sides run the same program on the same kind of machine.
class Packer {
 public:
  template <class T>
  Packer& put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Packer& put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads what a Packer wrote. Throws CommError if there is less than asked for.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::copy_n(take(sizeof value).data(), sizeof value, reinterpret_cast<char*>(&value));
    return value;
  }
  std::string get_text() { return std::string(take(get<std::uint32_t>())); }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view take(std::size_t count);
  std::string_view bytes_;
};

std::string pack(const Seat& seat);
Seat unpack_seat(const std::string& bytes);
std::string pack(const Detail& detail);
Detail unpack_detail(std::string_view bytes);

}  // namespace rensa::watchdog
