#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include "trainer/extension.h"

namespace rensa {

/// A line on rank 0 that shows how far the run is, images per second, and the time that is left. Redrawn at most five
/// times a second on a terminal; where the output is a file, one line is written every 10 % instead. Where a rule ends
/// the run nobody knows how far it is: the line has epochs and images per second alone, and a file gets one an epoch.
class ProgressBar final : public Extension {
 public:
  explicit ProgressBar(std::FILE* out = stderr);
  std::string name() const override { return "ProgressBar"; }
  int default_priority() const override { return kReader + 50; }  // gives the line free before tables are printed
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void finalize(Trainer& trainer) override;

 private:
  std::string line(const Trainer& trainer) const;
  void erase();

  std::FILE* out_;
  const bool terminal_;
  std::chrono::steady_clock::time_point started_, drawn_;
  std::int64_t samples_at_start_ = 0;
  double progress_at_start_ = 0;
  std::int64_t lines_written_ = 0;  ///< to a file, by this run and those before it
  bool visible_ = false;
};

}  // namespace rensa
