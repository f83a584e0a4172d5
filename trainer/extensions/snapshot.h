#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"
#include "core/links/link.h"
#include "trainer/extension.h"
#include "trainer/extensions/replica_sets.h"

namespace rensa {

class NpzWriter;

/// What the names of a trainer's snapshots begin with, unless SnapshotOptions say otherwise.
inline constexpr const char* kSnapshotPrefix = "snapshot_iter_";

/// Options of Snapshot.
struct SnapshotOptions {
  Trigger trigger = {1, Unit::kEpoch};
  int keep = 2;  ///< newest files of this prefix to keep; 0: all
  /// Of the files' names, before the iteration. One for each Snapshot of a run: the best model is not to go because
  /// newer ones come.
  std::string prefix = kSnapshotPrefix;
  /// A thread writes while training goes on (Chainer's ThreadWriter). The file holds the moment of the call; whether it
  /// could be written is known to all at the next snapshot or the end of the run.
  bool in_background = false;
  /// An exception, too, leaves a snapshot: of what there was when it was thrown, as far as it can still be saved. It
  /// replaces none that is there. On one rank alone: saving is a call on all ranks together, and the others do not know
  /// of the exception.
  bool on_error = false;
  /// Where ranks hold different models (a network cut over ranks): the ranks of each set hold the same one, and its
  /// lowest rank writes snapshot_iter_ITERATION.RANK. ChainerMN's multi_node_snapshot. Without any, rank 0 writes
  /// for all. What all sets have goes last: where a thread writes, the folder holds one more than `keep` until the
  /// next snapshot.
  ReplicaSets replica_sets = {};
  /// Saves this link's values alone, as a file of weights: Chainer's snapshot_object. It has to outlive the extension,
  /// and needs a prefix of its own: nothing can go on from such a file.
  Link* target = nullptr;
};

/// Saves the trainer to `OUT/snapshot_iter_<iteration>` (Chainer's name and format), written by rank 0 and agreed by
/// all: if it cannot be written, every rank throws FileError and the older files are as they were. Where its trigger is
/// an interval it saves after the last step of a run, too: a run that has ended can be gone on from where it ended.
/// Throws ValueError for a negative `keep`, for a prefix that is empty or names a folder, for a `target` under the
/// prefix of the trainer's snapshots and, when the run begins, for replica sets that its ranks cannot have.
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
  ReplicaSet replica_set(Trainer& trainer) const;  ///< this rank's
  Communicator& replicas(Trainer& trainer);        ///< the ranks whose models are the same
  void gather_values(NpzWriter& values, Trainer& trainer) const;
  /// What went wrong with the snapshot that is being written; "": nothing. Waits for it.
  std::string failure_of_last();
  /// When a thread's file is written: as after every other.
  void finish_last(Trainer& trainer);
  /// Agrees on how writing went, and on removing what is outdated of replica sets. Throws FileError on all ranks if one
  /// has a `failure`.
  void conclude(Trainer& trainer, const std::string& failure);

  const SnapshotOptions options_;
  std::unique_ptr<Communicator> replicas_;  ///< of this rank's set; null: all ranks
  bool is_writing_ = false;                 ///< a thread does, on some rank
  std::future<std::string> writing_;        ///< of a rank that writes, with what went wrong
  std::vector<std::string> outdated_;       ///< files to remove when every set's is written
};

/// The snapshot in a folder that was written last, as Chainer looks for it: an earlier run's may have come further.
/// Of those written at the same time that of the latest iteration; empty if there is none.
std::string newest_snapshot(const std::string& folder, const std::string& prefix = kSnapshotPrefix);

/// Is told of each damaged snapshot that is passed over, with the reason.
using SnapshotDamage = std::function<void(const std::string& damage)>;
/// The snapshot in a folder that was written last and is whole; empty if there is none.
std::string newest_whole_snapshot(const std::string& folder, const SnapshotDamage& report = nullptr,
                                  const std::string& prefix = kSnapshotPrefix);
/// This rank's file of snapshots by replica sets: of the one that was written last and is whole for every set. Empty on
/// all ranks if there is none. A call on all ranks together, each of which gives its file to resume(); their number may
/// have changed, as long as each set's lowest rank is the one that wrote.
std::string newest_whole_snapshot(const std::string& folder, Communicator& comm, const ReplicaSets& sets,
                                  const SnapshotDamage& report = nullptr, const std::string& prefix = kSnapshotPrefix);
/// The files in a folder that are named as snapshots are, of any prefix ("best_iter_40", "snapshot_iter_40.1"), by
/// name.
std::vector<std::string> files_named_as_snapshots(const std::string& folder);

/// Loads the trainer from a snapshot, Rensa's or Chainer's (npz or HDF5), on all ranks. Throws FileError.
void resume(Trainer& trainer, const std::string& path);

}  // namespace rensa
