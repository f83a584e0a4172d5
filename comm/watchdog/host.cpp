#include "comm/watchdog/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "comm/host_name.h"

namespace rensa::watchdog {
namespace {

std::string link_target(const char* path) {
  std::array<char, 128> target{};
  const ssize_t length = readlink(path, target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// When a process was started, in ticks since the machine's start; 0 if there is no such process.
std::int64_t birth_of(std::int64_t pid) {
  const std::string line = first_line("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = line.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  constexpr int kFieldsBetween = 19;  // field 22 of proc(5), counted from the state
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  std::int64_t born = 0;
  fields >> born;
  return born;
}

/// Numeric addresses of the interfaces that are up, IPv4 first. Link-local ones need a scope and are left out.
std::vector<std::string> own_addresses() {
  std::vector<std::string> v4, v6;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return v4;
  for (const ifaddrs* each = first; each; each = each->ifa_next) {
    if (!each->ifa_addr || !(each->ifa_flags & IFF_UP) || (each->ifa_flags & IFF_LOOPBACK)) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      if (inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size())) v4.emplace_back(text.data());
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr)) continue;
      if (inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size())) v6.emplace_back(text.data());
    }
  }
  freeifaddrs(first);
  v4.insert(v4.end(), v6.begin(), v6.end());
  return v4;
}

std::string own_host_key() {
  return host_name() + " " + first_line("/proc/sys/kernel/random/boot_id") + " " + link_target("/proc/self/ns/pid") +
         " " + link_target("/proc/self/ns/net");
}

}  // namespace

Seat own_seat(int rank, int node) {
  return {.rank = rank,
          .node = node,
          .host = host_name(),
          .host_key = own_host_key(),
          .pid = getpid(),
          .born = birth_of(getpid()),
          .addresses = own_addresses(),
          .port = 0};
}

void kill_process(const Seat& seat) {
  if (seat.pid == getpid() || seat.host_key != own_host_key()) return;
  // by number, since glibc 2.36 declares these without C linkage
  const auto process = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(seat.pid), 0));
  if (process < 0) return;
  if (birth_of(seat.pid) == seat.born) syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
  close(process);
}

void end_process(int status) {
  signal(SIGALRM, SIG_DFL);
  alarm(2);  // ends the process should the output be stuck
  if (ftrylockfile(stdout) == 0) fflush_unlocked(stdout);
  _exit(status);
}

}  // namespace rensa::watchdog
