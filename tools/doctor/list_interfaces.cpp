#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tools/doctor/facts.h"

namespace rensa::tools::doctor {
namespace {

std::string text_of(std::uint32_t address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

/// A number of /sys/class/net/NAME, or 0: a link that is down or virtual may have none.
std::int64_t system_number(const std::string& name, const std::string& file) {
  std::int64_t number = 0;
  std::ifstream("/sys/class/net/" + name + "/" + file) >> number;
  return number;
}

std::uint32_t ipv4_of(const sockaddr* address) {
  return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr;
}

}  // namespace

std::vector<InterfaceFacts> list_interfaces() {
  std::vector<InterfaceFacts> found;
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return found;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(raw, freeifaddrs);
  for (const ifaddrs* entry = raw; entry; entry = entry->ifa_next) {
    // MPI's TCP speaks IPv4 unless told otherwise
    if (!entry->ifa_addr || !entry->ifa_netmask || entry->ifa_addr->sa_family != AF_INET ||
        !(entry->ifa_flags & IFF_UP)) {
      continue;
    }
    const std::uint32_t address = ipv4_of(entry->ifa_addr), mask = ipv4_of(entry->ifa_netmask);
    InterfaceFacts facts;
    facts.name = entry->ifa_name;
    facts.address = text_of(address);
    facts.network = text_of(address & mask) + '/' + std::to_string(std::popcount(mask));
    facts.bridge = std::filesystem::exists("/sys/class/net/" + facts.name + "/bridge");
    facts.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    facts.speed_mbit_s = std::max<std::int64_t>(0, system_number(facts.name, "speed"));
    found.push_back(facts);
  }
  return found;
}

std::map<std::string, std::int64_t> sent_bytes_of_interfaces() {
  std::map<std::string, std::int64_t> sent;
  for (const InterfaceFacts& each : list_interfaces())
    sent[each.name] = system_number(each.name, "statistics/tx_bytes");
  return sent;
}

}  // namespace rensa::tools::doctor
