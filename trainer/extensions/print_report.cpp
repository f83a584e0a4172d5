#include "trainer/extensions/print_report.h"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "trainer/trainer.h"

namespace rensa {
namespace {

std::size_t width_of(const std::string& entry) { return std::max<std::size_t>(entry.size(), 10) + 2; }

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

}  // namespace

PrintReport::PrintReport(std::vector<std::string> entries, std::ostream& out, std::string log_report)
    : entries_(std::move(entries)), out_(out), log_(std::move(log_report)) {}

void PrintReport::initialize(Trainer& trainer) { log_.skip_present(trainer); }

void PrintReport::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  if (!headed_) {
    for (const std::string& entry : entries_) out_ << padded(entry, width_of(entry));
    out_ << '\n';
    headed_ = true;
  }
  log_.for_each(trainer, [this](const LogReport::Entry& line) {
    for (const std::string& entry : entries_) {
      std::ostringstream cell;
      const auto found = line.find(entry);
      if (found != line.end()) cell << std::setprecision(6) << found->second;
      out_ << padded(cell.str(), width_of(entry));
    }
    out_ << '\n';
  });
  out_.flush();
}

}  // namespace rensa
