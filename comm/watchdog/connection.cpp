#include "comm/watchdog/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace rensa::watchdog {
namespace {

constexpr std::uint32_t kLongest = 1 << 20;                ///< bytes of a message; a longer one comes from a stranger
constexpr std::size_t kMostUnsent = std::size_t{8} << 20;  ///< to a rank that does not read: the rest is dropped
constexpr std::size_t kHeader = sizeof(std::uint32_t) + sizeof(MessageType);

void send_at_once(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool wait_for(int socket, short events, Clock::time_point limit) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - Clock::now()).count();
    if (left < 0) return false;
    pollfd each{.fd = socket, .events = events, .revents = 0};
    const int ready = poll(&each, 1, static_cast<int>(left) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// A socket that is connected to `address`, or -1.
int connected_socket(const std::string& address, int port, Clock::time_point limit) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) return -1;
  const int fd = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const auto* target = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  int error = ::connect(fd, target, is_v4 ? sizeof v4 : sizeof v6) == 0 ? 0 : errno;
  if (error == EINPROGRESS && wait_for(fd, POLLOUT, limit)) {
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  }
  if (error == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

Connection::Connection(int socket) : socket_(socket) { send_at_once(socket); }
Connection::Connection(Connection&& other) noexcept { *this = std::move(other); }
Connection& Connection::operator=(Connection&& other) noexcept {
  if (this == &other) return *this;
  close();
  socket_ = std::exchange(other.socket_, -1);
  health_ = other.health_;
  unsent_ = std::move(other.unsent_);
  arrived_ = std::move(other.arrived_);
  return *this;
}
Connection::~Connection() { close(); }

void Connection::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void Connection::send(MessageType type, std::string_view payload) {
  if (!open() || unsent_.size() > kMostUnsent) return;
  const auto length = static_cast<std::uint32_t>(payload.size());
  unsent_.append(reinterpret_cast<const char*>(&length), sizeof length);
  unsent_ += static_cast<char>(type);
  unsent_ += payload;
  flush();
}

void Connection::flush() {
  while (open() && !unsent_.empty()) {
    const ssize_t sent = ::send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return;  // full, or gone: receive() finds out
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
}

std::vector<Message> Connection::receive() {
  char buffer[16384];
  while (open() && health_ == Health::kGood) {
    const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
    if (got > 0) {
      arrived_.append(buffer, static_cast<std::size_t>(got));
      continue;
    }
    if (got == 0 || errno == ECONNRESET || errno == EPIPE)
      health_ = Health::kClosed;
    else if (errno == EINTR)
      continue;
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      break;
    else
      health_ = Health::kBroken;
  }
  std::vector<Message> messages;
  std::size_t begin = 0;
  while (arrived_.size() - begin >= kHeader) {
    std::uint32_t length = 0;
    std::memcpy(&length, arrived_.data() + begin, sizeof length);
    if (length > kLongest) {
      health_ = Health::kBroken;
      break;
    }
    if (arrived_.size() - begin < kHeader + length) break;
    messages.push_back(
        {static_cast<MessageType>(arrived_[begin + sizeof length]), arrived_.substr(begin + kHeader, length)});
    begin += kHeader + length;
  }
  arrived_.erase(0, begin);
  return messages;
}

Listener::Listener() {
  socket_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool both = socket_ >= 0;  // a system without IPv6 has IPv4 alone
  if (!both) socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  v6.sin6_family = AF_INET6;
  v4.sin_family = AF_INET;
  const int off = 0;
  if (both) setsockopt(socket_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const auto* any = both ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  socklen_t length = both ? sizeof v6 : sizeof v4;
  if (socket_ < 0 || bind(socket_, any, length) != 0 || listen(socket_, SOMAXCONN) != 0) {
    throw CommError("watchdog: cannot listen on a TCP port: ", std::strerror(errno), ".");
  }
  auto* bound = both ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  getsockname(socket_, bound, &length);
  port_ = ntohs(both ? v6.sin6_port : v4.sin_port);
}

Listener::~Listener() { close(); }

void Listener::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

Connection Listener::accept() const {
  const int fd = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  return fd < 0 ? Connection() : Connection(fd);
}

Connection connect(const std::string& address, int port, const std::string& hello, std::uint64_t token,
                   std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  const int fd = connected_socket(address, port, end);
  if (fd < 0) return {};
  Connection connection(fd);
  connection.send(MessageType::kHello, hello);
  while (connection.health() == Connection::Health::kGood && wait_for(fd, POLLIN, end)) {
    const std::vector<Message> messages = connection.receive();
    if (messages.empty()) continue;
    const bool known = messages[0].type == MessageType::kHello && messages[0].payload.size() == sizeof token &&
                       Unpacker(messages[0].payload).get<std::uint64_t>() == token;
    return known ? std::move(connection) : Connection();
  }
  return {};
}

}  // namespace rensa::watchdog
