#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "trainer/extension.h"
#include "trainer/extensions/new_entries.h"

namespace rensa {

/// Prints the new entries of the LogReport as rows of a table, on rank 0. A name that an entry does not have is left
/// blank.
class PrintReport final : public Extension {
 public:
  PrintReport(std::vector<std::string> entries, std::ostream& out, std::string log_report = "LogReport");
  std::string name() const override { return "PrintReport"; }
  int default_priority() const override { return kReader - 1; }  // after the LogReport it reads
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;

 private:
  const std::vector<std::string> entries_;
  std::ostream& out_;
  NewEntries log_;
  bool headed_ = false;
};

}  // namespace rensa
