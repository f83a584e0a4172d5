// The least that an all-reduce between two hosts costs: one TCP connection, on which each side sends and receives the
// size at the same time. Started by mpirun on each host, without MPI in it; rank 0 listens.
//
//   netns_mpirun.sh -n 2 -r 1gbit -- -np 2 tcp_both_ways --address 10.77.0.1 [--port 29519] [--min_bytes 4] …
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

#include "benchmarks/rivals/sampling.h"

namespace {

void check(bool fine, const char* call) {
  if (!fine) throw std::system_error(errno, std::generic_category(), call);
}

void send_all(int socket, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = send(socket, data, bytes, 0);
    check(sent > 0, "send");
    data += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
}

void receive_all(int socket, char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t received = recv(socket, data, bytes, 0);
    check(received > 0, "recv");
    data += received;
    bytes -= static_cast<std::size_t>(received);
  }
}

int connected(int rank, const std::string& address, int port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  check(inet_pton(AF_INET, address.c_str(), &name.sin_addr) == 1, "--address");
  int peer = -1;
  const int one = 1;
  if (rank == 0) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "setsockopt");
    check(bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0, "bind");
    check(listen(listener, 1) == 0, "listen");
    peer = accept(listener, nullptr, nullptr);
    check(peer >= 0, "accept");
    close(listener);
  } else {
    for (int attempt = 0;; ++attempt) {
      peer = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(peer, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0) break;
      check(attempt < 100, "connect");
      close(peer);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  check(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "setsockopt");
  return peer;
}

void measure(const rivals::Sampling& sampling, int rank, int peer) {
  for (const std::int64_t size : sampling.sizes()) {
    const auto bytes = static_cast<std::size_t>(size);
    std::vector<char> out(bytes, static_cast<char>(rank + 1)), in(bytes);
    const auto exchange = [&] {
      if (size <= 16 << 10) {  // fits the socket's buffer: a second thread would only cost
        send_all(peer, out.data(), bytes);
        return receive_all(peer, in.data(), bytes);
      }
      std::thread sender([&] { send_all(peer, out.data(), bytes); });
      receive_all(peer, in.data(), bytes);
      sender.join();
    };
    const auto timed = [&](int calls) {
      char ready = 0;  // both sides start together
      send_all(peer, &ready, 1);
      receive_all(peer, &ready, 1);
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < calls; ++i) exchange();
      double mine = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), theirs = 0;
      send_all(peer, reinterpret_cast<const char*>(&mine), sizeof mine);
      receive_all(peer, reinterpret_cast<char*>(&theirs), sizeof theirs);
      return std::max(mine, theirs);
    };
    const double first = timed(1);
    const std::int64_t wrong = size - std::count(in.begin(), in.end(), static_cast<char>(2 - rank));
    const auto us = sampling.times_us(size, timed, first);
    if (rank == 0) rivals::print_line("tcp_both_ways", 2, size, us, wrong);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  std::string address = "127.0.0.1";
  int port = 29519;
  const auto sampling = rivals::read_arguments(argc, argv, [&](const std::string& key, const std::string& value) {
    if (key == "--address")
      address = value;
    else if (key == "--port")
      port = std::stoi(value);
    else
      return false;
    return true;
  });
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (rank == nullptr) rank = std::getenv("PMI_RANK");
  if (rank == nullptr) throw std::runtime_error("start it with mpirun -np 2");
  const int peer = connected(std::atoi(rank), address, port);
  measure(sampling, std::atoi(rank), peer);
  close(peer);
} catch (const std::exception& error) {
  std::fprintf(stderr, "tcp_both_ways: %s\n", error.what());
  return 2;
}
