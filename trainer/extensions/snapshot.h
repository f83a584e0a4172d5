#pragma once

#include <functional>
#include <future>
#include <string>

#include "core/serializers/npz.h"
#include "trainer/extension.h"

namespace rensa {

/// Options of Snapshot.
struct SnapshotOptions {
  Trigger trigger = {1, Unit::kEpoch};
  int keep = 2;  ///< newest files of this prefix to keep; 0: all
  /// Of the files' names, before the iteration. One for each Snapshot of a run: the best model is not to go because
  /// newer ones come.
  std::string prefix = "snapshot_iter_";
  /// A thread writes while training goes on (Chainer's ThreadWriter). The file holds the moment of the call; whether it
  /// could be written is known to all at the next snapshot or the end of the run.
  bool in_background = false;
  /// An exception, too, leaves a snapshot: of what there was when it was thrown, as far as it can still be saved. On
  /// one rank alone: saving is a call on all ranks together, and the others do not know of the exception.
  bool on_error = false;
};

/// Saves the trainer to `OUT/snapshot_iter_<iteration>` (Chainer's name and format), written by rank 0 and agreed by
/// all: if it cannot be written, every rank throws FileError and the older files are as they were. Throws ValueError
/// for a negative `keep` and for a prefix that is empty or names a folder.
class Snapshot final : public Extension {
 public:
  explicit Snapshot(const SnapshotOptions& options = {});
  ~Snapshot() override;
  std::string name() const override { return "snapshot"; }
  Trigger default_trigger() const override { return options_.trigger; }
  int default_priority() const override { return kLast; }
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void end_of_run(Trainer& trainer) override;
  void on_error(Trainer& trainer, std::exception_ptr error) override;
  void finalize(Trainer& trainer) override;

 private:
  /// What went wrong with the snapshot that is being written; "": nothing. Waits for it.
  std::string failure_of_last();
  /// Throws FileError on all ranks if rank 0 has a `failure`.
  static void agree(Trainer& trainer, const std::string& failure);

  const SnapshotOptions options_;
  std::future<std::string> writing_;  ///< rank 0's, with what went wrong
};

/// The snapshot in a folder that was written last, as Chainer looks for it: an earlier run's may have come further.
/// Of those written at the same time that of the latest iteration; empty if there is none.
std::string newest_snapshot(const std::string& folder);

/// The snapshot in a folder that was written last and is whole; empty if there is none. Each damaged one that is passed
/// over is reported with the reason.
std::string newest_whole_snapshot(const std::string& folder,
                                  const std::function<void(const std::string& damage)>& report = nullptr);

/// Loads the trainer from a snapshot, Rensa's or Chainer's (npz or HDF5), on all ranks. Throws FileError.
void resume(Trainer& trainer, const std::string& path);

}  // namespace rensa
