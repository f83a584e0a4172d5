#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string_view>

#include "core/error.h"
#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

constexpr std::string_view kIncluding[] = {"OMPI_MCA_btl_tcp_if_include",
                                           "OMPI_MCA_oob_tcp_if_include",
                                           "PRTE_MCA_prte_if_include",
                                           "PRTE_MCA_oob_tcp_if_include",
                                           "HYDRA_IFACE",
                                           "FI_TCP_IFACE",
                                           "FI_SOCKETS_IFACE",
                                           "UCX_NET_DEVICES",
                                           "NCCL_SOCKET_IFNAME"};
constexpr const char* kExcluding = "OMPI_MCA_btl_tcp_if_exclude";
constexpr std::int64_t kTraffic = 1 << 20;  ///< less than the ranks passed around: somebody else's

std::vector<std::string> entries_of(const std::string& list) {
  std::vector<std::string> entries;
  std::istringstream in(list);
  for (std::string entry; std::getline(in, entry, ',');) {
    if (!entry.empty()) entries.push_back(entry);
  }
  return entries;
}

/// Whether "10.77.0.0/16" holds an address.
bool contains(const std::string& network, const std::string& address) {
  const std::size_t slash = network.find('/');
  in_addr base{}, member{};
  if (inet_pton(AF_INET, network.substr(0, slash).c_str(), &base) != 1) return false;
  if (inet_pton(AF_INET, address.c_str(), &member) != 1) return false;
  const int bits = std::clamp(std::atoi(network.c_str() + slash + 1), 0, 32);
  const std::uint32_t mask = bits == 0 ? 0 : htonl(~std::uint32_t{0} << (32 - bits));
  return ((base.s_addr ^ member.s_addr) & mask) == 0;
}

/// Whether a setting's entry (a name, a name with a port, a network) means this interface.
bool means(const std::string& entry, const InterfaceFacts& interface) {
  if (entry.find('/') != std::string::npos) return contains(entry, interface.address);
  return entry.substr(0, entry.find(':')) == interface.name;
}

bool listed(const std::string& list, const InterfaceFacts& interface) {
  const std::vector<std::string> entries = entries_of(list);
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) { return means(entry, interface); });
}

std::string names_of(const std::vector<InterfaceFacts>& interfaces) {
  std::string text;
  for (const InterfaceFacts& each : interfaces) text += (text.empty() ? "" : ", ") + each.name + " " + each.address;
  return text.empty() ? "none" : text;
}

/// Settings that name what a host does not have. Without it MPI does not come up, or waits.
void find_missing(const std::string& host, const RankFacts& rank, CheckResult& result) {
  for (const auto& [setting, list] : rank.settings) {
    if (std::find(std::begin(kIncluding), std::end(kIncluding), setting) == std::end(kIncluding)) continue;
    const bool by_prefix = setting == "NCCL_SOCKET_IFNAME";
    if (by_prefix && (list.starts_with('^') || list.starts_with('='))) continue;
    if (setting == "UCX_NET_DEVICES" && (rank.infiniband || list == "all")) continue;
    for (const std::string& entry : entries_of(list)) {
      const auto fits = [&](const InterfaceFacts& i) {
        return by_prefix ? i.name.starts_with(entry) : means(entry, i);
      };
      if (std::any_of(rank.interfaces.begin(), rank.interfaces.end(), fits)) continue;
      result.findings.push_back(
          {Severity::kError, host,
           setting + " names " + entry + ", which this host does not have up (it has " + names_of(rank.interfaces) +
               ")",
           "Name an interface that all hosts have, or the network itself, such as " +
               (rank.interfaces.empty() ? std::string("10.0.0.0/8") : rank.interfaces.back().network) + "."});
    }
  }
}

bool mpi_may_use(const RankFacts& rank, const InterfaceFacts& interface) {
  if (interface.loopback) return false;
  for (const char* setting : {"OMPI_MCA_btl_tcp_if_include", "UCX_NET_DEVICES", "FI_TCP_IFACE"}) {
    const auto found = rank.settings.find(setting);
    if (found != rank.settings.end() && found->second != "all") return listed(found->second, interface);
  }
  const auto excluded = rank.settings.find(kExcluding);
  return excluded == rank.settings.end() || !listed(excluded->second, interface);
}

using Hosts = std::map<std::string, std::vector<const RankFacts*>>;

/// Bridges of containers and virtual machines have the same address everywhere; who connects to it meets himself.
void find_equal_addresses(const Hosts& hosts, CheckResult& result) {
  std::map<std::string, std::vector<std::string>> owners;
  std::map<std::string, std::string> names;
  for (const auto& [host, ranks] : hosts) {
    for (const InterfaceFacts& each : ranks.front()->interfaces) {
      if (!mpi_may_use(*ranks.front(), each)) continue;
      owners[each.address].push_back(host);
      names[each.address] = each.name;
    }
  }
  for (const auto& [address, where] : owners) {
    if (where.size() < 2) continue;
    result.findings.push_back(
        {Severity::kWarning, detail::list(where),
         names[address] + " has the same address " + address + " on " + std::to_string(where.size()) +
             " hosts: MPI may look for a peer there and wait forever",
         "Leave it out: --mca btl_tcp_if_exclude lo," + names[address] +
             ", or name the right one: --mca btl_tcp_if_include (Open MPI), UCX_NET_DEVICES or FI_TCP_IFACE (MPICH)."});
  }
}

/// The interface that carried the ranks' messages, and a quicker one that did not.
void find_slow(const Hosts& hosts, CheckResult& result) {
  for (const auto& [host, ranks] : hosts) {
    const std::vector<InterfaceFacts>& all = ranks.front()->interfaces;
    const auto used = std::max_element(all.begin(), all.end(), [](const InterfaceFacts& a, const InterfaceFacts& b) {
      return std::pair(!a.loopback, a.sent_bytes) < std::pair(!b.loopback, b.sent_bytes);
    });
    if (used == all.end() || used->loopback || used->sent_bytes < kTraffic) continue;
    result.summary += (result.summary.empty() ? "" : "; ") + host + ": " + used->name + " " + used->address;
    for (const InterfaceFacts& other : all) {
      if (other.loopback || other.name == used->name || other.speed_mbit_s <= used->speed_mbit_s) continue;
      if (used->speed_mbit_s == 0 || other.sent_bytes >= kTraffic) continue;
      result.findings.push_back({Severity::kWarning, host,
                                 "messages went through " + used->name + " (" + std::to_string(used->speed_mbit_s) +
                                     " Mbit/s), but " + other.name + " is quicker (" +
                                     std::to_string(other.speed_mbit_s) + " Mbit/s)",
                                 "If all hosts have it: --mca btl_tcp_if_include " + other.network +
                                     " (Open MPI), UCX_NET_DEVICES=" + other.name + " (MPICH)."});
    }
  }
}

}  // namespace

CheckResult check_interfaces(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"interfaces", ""};
  const Hosts hosts = by_host(facts);
  for (const auto& [host, ranks] : hosts) find_missing(host, *ranks.front(), result);
  if (hosts.size() == 1) {
    result.summary = "one host: shared memory";
    return result;
  }
  find_equal_addresses(hosts, result);
  find_slow(hosts, result);
  if (result.summary.empty()) result.summary = "messages between the hosts left no traffic on an IP interface";
  return result;
}

CheckResult check_unanswered(const RankFacts& mine, double waited_s, const std::string& what) {
  std::ostringstream found;
  found << "waited " << waited_s << " s for " << what;
  std::string bridges;
  for (const InterfaceFacts& each : mine.interfaces) {
    if (!each.bridge || !mpi_may_use(mine, each)) continue;
    found << "; " << each.name << " is a bridge: where other hosts have one with the same address " << each.address
          << ", MPI looks for its peers there";
    bridges += "," + each.name;
  }
  found << ". The host has " << names_of(mine.interfaces);
  for (const auto& [setting, value] : mine.settings) found << ", " << setting << "=" << value;
  const std::string remedy =
      (bridges.empty() ? "Name" : "Leave bridges out: --mca btl_tcp_if_exclude lo" + bridges + " (Open MPI). Or name") +
      " the network that all hosts share: --mca btl_tcp_if_include NETWORK (Open MPI), UCX_NET_DEVICES or FI_TCP_IFACE "
      "(MPICH); "
      "look for a firewall between the hosts; --timeout gives more time.";
  const std::string where = mine.host + ", rank " + std::to_string(mine.launcher_rank);
  return {"interfaces", "", {{Severity::kError, where, found.str(), remedy}}};
}

}  // namespace rensa::tools::doctor
