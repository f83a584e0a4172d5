#pragma once

#include <string>

#include "trainer/extension.h"

namespace rensa {

struct SnapshotOptions {
  Trigger trigger = {1, Unit::kEpoch};
  int keep = 2;  ///< newest files to keep; 0: all
};

/// Saves the trainer to OUT/snapshot_iter_<iteration> (Chainer's name and format), written by rank 0 and agreed by all: if it
/// cannot be written, every rank throws FileError and the older files are as they were.
class Snapshot final : public Extension {
 public:
  explicit Snapshot(const SnapshotOptions& options = {});
  std::string name() const override { return "snapshot"; }
  Trigger default_trigger() const override { return options_.trigger; }
  int default_priority() const override { return kLast; }
  void operator()(Trainer& trainer) override;

  static constexpr int kLast = -100;  ///< Chainer's: after everything that changes the trainer

 private:
  const SnapshotOptions options_;
};

/// The newest snapshot in a folder, by its iteration; empty if there is none.
std::string newest_snapshot(const std::string& folder);

/// Loads the trainer from a file, on all ranks. Throws FileError.
void resume(Trainer& trainer, const std::string& path);

}  // namespace rensa
