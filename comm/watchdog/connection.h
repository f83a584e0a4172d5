#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/watchdog/report.h"

namespace rensa::watchdog {

struct Message {
  MessageType type = MessageType::kBeat;
  std::string payload;
};

/// A TCP socket that carries messages and never blocks. What cannot be sent at once is kept and sent later.
class Connection {
 public:
  enum class Health { kGood, kClosed, kBroken };  ///< closed: by the other side or its system; broken: by the network

  Connection() = default;
  explicit Connection(int socket);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  int socket() const { return socket_; }
  bool open() const { return socket_ >= 0; }
  Health health() const { return health_; }
  bool has_unsent() const { return !unsent_.empty(); }

  void send(MessageType type, std::string_view payload = {});
  void flush();
  /// What has arrived. health() tells afterwards whether more can.
  std::vector<Message> receive();
  void close();

 private:
  int socket_ = -1;
  Health health_ = Health::kGood;
  std::string unsent_, arrived_;
};

/// A listening socket on all interfaces, on a port of the system's choice.
class Listener {
 public:
  Listener();
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  int socket() const { return socket_; }
  int port() const { return port_; }
  void close();
  /// The next connection that waits; none: not open.
  Connection accept() const;

 private:
  int socket_ = -1, port_ = 0;
};

/// Connects to a numeric address and introduces itself with `hello`; the other side answers with the same token. Not
/// open if that has not come to pass within `limit`: nobody there, or a stranger.
Connection connect(const std::string& address, int port, const std::string& hello, std::uint64_t token,
                   std::chrono::milliseconds limit);

}  // namespace rensa::watchdog
