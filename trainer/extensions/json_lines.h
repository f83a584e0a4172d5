#pragma once

#include <string>

#include "trainer/extensions/new_entries.h"

namespace rensa {

/// OUT/log.jsonl: the entries of a LogReport as one JSON object a line, each written as soon as it is there; for
/// programs that follow a run. A resumed run's file begins with the entries up to where it goes on.
class JsonLines final : public Extension {
 public:
  explicit JsonLines(std::string file_name = "log.jsonl", std::string log_report = "LogReport");
  std::string name() const override { return "JsonLines"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kReader - 1; }  // after the LogReport it reads
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;

 private:
  const std::string file_name_;
  NewEntries entries_;
};

}  // namespace rensa
