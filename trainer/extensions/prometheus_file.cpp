#include "trainer/extensions/prometheus_file.h"

#include <cmath>
#include <filesystem>
#include <sstream>

#include "core/serializers/file_replacement.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::ostringstream out;
  out.precision(17);
  out << value;
  return out.str();
}

}  // namespace

std::string prometheus_page(const std::string& run, const LogReport::Entry& entry) {
  std::ostringstream page;
  page << "# HELP rensa_observed What a training run observed, as means since its last log entry.\n"
          "# TYPE rensa_observed gauge\n";
  for (const auto& [name, value] : entry) {
    page << "rensa_observed{run=\"" << label(run) << "\",name=\"" << label(name) << "\"} " << number(value) << '\n';
  }
  return page.str();
}

PrometheusFile::PrometheusFile(std::string run, std::string file_name, std::string log_report)
    : run_(std::move(run)), file_name_(std::move(file_name)), entries_(std::move(log_report)) {}

void PrometheusFile::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  const auto& log = entries_.log(trainer);
  if (log.empty()) return;
  const std::filesystem::path folder = std::filesystem::absolute(trainer.out()).lexically_normal();
  const std::string folder_name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  replace_file(trainer.out() + "/" + file_name_, prometheus_page(run_.empty() ? folder_name : run_, log.back()));
}

}  // namespace rensa
