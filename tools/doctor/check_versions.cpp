#include <set>

#include "core/error.h"
#include "tools/doctor/check.h"

namespace rensa::tools::doctor {
namespace {

/// Ranks that speak to each other must be of one kind here; the other versions decide only about the last bits.
bool must_be_equal(const std::string& part) { return part == "Rensa" || part == "MPI" || part == "files"; }

std::string remedy(const std::string& part) {
  if (part == "Rensa" || part == "files")
    return "Install one build of Rensa on all hosts, or run it from a folder that they share.";
  if (part == "MPI") return "Install one version of one MPI on all hosts.";
  if (part == "kernel")
    return "Boot one kernel on all hosts; harmless to the results, but a frequent cause of unequal speed.";
  return "Install one version on all hosts: results may differ in the last bits.";
}

}  // namespace

CheckResult check_versions(const Facts& facts, const CheckOptions& /*options*/) {
  CheckResult result{"versions", ""};
  for (const auto& [part, version] : facts.front().versions) {
    if (part != "files") result.summary += (result.summary.empty() ? "" : "; ") + part + " " + version;
  }
  const auto version_of = [](const RankFacts& rank, const std::string& part) {
    const auto found = rank.versions.find(part);
    return found == rank.versions.end() ? std::string("none") : found->second;
  };
  std::set<std::string> parts;
  for (const RankFacts& rank : facts) {
    for (const auto& [part, version] : rank.versions) parts.insert(part);
  }
  for (const std::string& part : parts) {
    std::map<std::string, std::set<std::string>> hosts_of;
    for (const RankFacts& rank : facts) hosts_of[version_of(rank, part)].insert(rank.host);
    if (hosts_of.size() < 2) continue;
    std::string where,
        found = part == "files" ? "Rensa's program and libraries are not the same files: " : part + " differs: ";
    for (const auto& [version, hosts] : hosts_of) {
      const std::string list = detail::list(hosts);
      found += (where.empty() ? "" : "; ") + version + " on " + list;
      where += (where.empty() ? "" : ", ") + list;
    }
    result.findings.push_back(
        {must_be_equal(part) ? Severity::kError : Severity::kWarning, where, found, remedy(part)});
  }
  return result;
}

}  // namespace rensa::tools::doctor
