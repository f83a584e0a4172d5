#include "tools/doctor/report.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

namespace rensa::tools::doctor {
namespace {

const char* name_of(Severity severity) {
  return severity == Severity::kFine ? "fine" : severity == Severity::kWarning ? "warning" : "error";
}

}  // namespace

void write_text(std::ostream& out, const Facts& facts, const std::vector<CheckResult>& results) {
  const auto hosts = by_host(facts);
  out << "rensa doctor: " << facts.size() << (facts.size() == 1 ? " rank on " : " ranks on ") << hosts.size()
      << (hosts.size() == 1 ? " host\n" : " hosts\n");
  int warnings = 0, errors = 0;
  for (const CheckResult& result : results) {
    out << std::left << std::setw(9) << name_of(result.worst()) << std::setw(18) << result.name << result.summary
        << '\n';
    for (const Finding& finding : result.findings) {
      ++(finding.severity == Severity::kError ? errors : warnings);
      out << "  " << name_of(finding.severity) << ": " << finding.where << ": " << finding.found
          << ".\n  remedy: " << finding.remedy << '\n';
    }
  }
  out << errors << (errors == 1 ? " error, " : " errors, ") << warnings << (warnings == 1 ? " warning" : " warnings")
      << std::endl;
}

void write_json(std::ostream& out, const Facts& facts, const std::vector<CheckResult>& results) {
  nlohmann::json checks = nlohmann::json::array(), hosts = nlohmann::json::array();
  for (const CheckResult& result : results) {
    nlohmann::json findings = nlohmann::json::array();
    for (const Finding& finding : result.findings) {
      findings.push_back({{"severity", name_of(finding.severity)},
                          {"where", finding.where},
                          {"found", finding.found},
                          {"remedy", finding.remedy}});
    }
    checks.push_back({{"name", result.name},
                      {"status", name_of(result.worst())},
                      {"summary", result.summary},
                      {"findings", findings}});
  }
  for (const auto& [host, ranks] : by_host(facts)) hosts.push_back(host);
  out << nlohmann::json{{"ranks", facts.size()},
                        {"hosts", hosts},
                        {"status", name_of(worst(results))},
                        {"checks", checks}}
      << std::endl;
}

}  // namespace rensa::tools::doctor
