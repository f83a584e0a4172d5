#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "trainer/extensions/log_report.h"

namespace rensa {

class Trainer;

/// Which entries of a LogReport an extension has not seen yet. Entries that a resumed run brings with it are old.
class NewEntries {
 public:
  explicit NewEntries(std::string log_report) : log_report_(std::move(log_report)) {}

  /// To be called before the first step: what is there now is old.
  void skip_present(Trainer& trainer) { seen_ = log(trainer).size(); }
  /// To be called before the first step: what is there now is new, too.
  void start_again() { seen_ = 0; }
  /// Calls `use` with every entry that came since, in their order.
  template <class Use>
  void for_each(Trainer& trainer, const Use& use) {
    const auto& all = log(trainer);
    for (; seen_ < all.size(); ++seen_) use(all[seen_]);
  }
  /// All entries. Throws ValueError if the trainer has no LogReport of that name.
  const std::vector<LogReport::Entry>& log(Trainer& trainer) const;

 private:
  const std::string log_report_;
  std::size_t seen_ = 0;
};

}  // namespace rensa
