#include "tools/train/report_sections.h"

#include <array>
#include <ctime>
#include <fstream>
#include <map>

#include "comm/host_name.h"
#include "comm/launcher.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"
#include "core/library_versions.h"

namespace rensa::tools {
namespace {

/// As the kernel names it; "unknown" where it does not (arm64).
std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&seconds, &utc));
  return text.data();
}

/// "node1 (8 ranks), node2 (8 ranks)", in the order of ranks.
std::string hosts(const std::vector<std::string>& names) {
  std::map<std::string, int> ranks;
  for (const std::string& name : names) ++ranks[name];
  std::string text;
  for (const std::string& name : names) {
    const auto found = ranks.extract(name);
    if (!found) continue;
    text +=
        detail::join(text.empty() ? "" : ", ", name, " (", found.mapped(), found.mapped() == 1 ? " rank)" : " ranks)");
  }
  return text;
}

ReportSection environment(Communicator& comm, Device device, int threads) {
  ReportSection section{.title = "Environment", .rows = {}};
  const std::string launcher = detect_launcher().name;
  section.rows = {{"started", now()},
                  {"hosts", hosts(comm.all_gather_bytes(host_name()))},
                  {"launcher", launcher.empty() ? "none" : launcher},
                  {"communicator",
                   comm.choice().empty() ? std::string(comm.name()) : detail::join(comm.name(), ": ", comm.choice())},
                  {"compute threads of a rank", std::to_string(threads)},
                  {"processor", processor()},
                  {"device", detail::join(device)}};
  if (device.kind == DeviceKind::kCuda) section.rows.emplace_back("GPU", gpu::availability().description);
  for (const auto& [part, version] : library_versions()) section.rows.emplace_back(part, version);
  return section;
}

}  // namespace

std::vector<ReportSection> report_sections(const std::vector<OptionValue>& options, Communicator& comm, Device device,
                                           int threads) {
  ReportSection configuration{.title = "Configuration", .rows = {}};
  ReportSection defaults{.title = "Keys at their defaults", .rows = {}, .folded = true};
  for (const OptionValue& option : options) {
    (option.is_default ? defaults : configuration).rows.emplace_back(option.key, option.value);
  }
  return {std::move(configuration), environment(comm, device, threads), std::move(defaults)};
}

}  // namespace rensa::tools
