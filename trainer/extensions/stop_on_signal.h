#pragma once

#include <csignal>
#include <functional>
#include <vector>

#include "trainer/extensions/snapshot.h"

namespace rensa {

/// Exit status of a job that was asked to stop and made a snapshot: start it again with resume. EX_TEMPFAIL of
/// sysexits.h.
constexpr int kStatusResumeMe = 75;

/// Options of StopOnSignal.
struct StopOnSignalOptions {
  std::vector<int> signals = {SIGTERM, SIGUSR1};
  int keep = 0;  ///< newest snapshots to keep, whoever made them, as Snapshot's (and one that is being written); 0: all
  ReplicaSets replica_sets = {};     ///< as Snapshot's
  double look_every_s = 0.5;         ///< how often ranks ask each other
  std::function<bool()> asked = {};  ///< whether this rank was asked to stop; empty: by one of the signals
};

/// A batch system's warning: when any rank has received a signal, all of them make a snapshot at the end of the same
/// iteration and stop the trainer. Must be there on all ranks.
///
/// Signals arrive at different times, so ranks agree by an all-reduce of two numbers. It comes about every
/// look_every_s, counted in iterations that rank 0 chooses: between two looks nothing is spent. A signal before the
/// first iteration, or one that is not listed, does what it does to any program.
class StopOnSignal final : public Extension {
 public:
  explicit StopOnSignal(StopOnSignalOptions options = {});
  ~StopOnSignal() override;
  std::string name() const override { return "StopOnSignal"; }
  int default_priority() const override { return kLast - 1; }  ///< the log and other snapshots are written
  void initialize(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void finalize(Trainer& trainer) override;

  bool stopped() const { return stopped_; }  ///< the run was cut short, and its snapshot is there

 private:
  void release_signals();

  const StopOnSignalOptions options_;
  Snapshot snapshot_;
  std::vector<int> caught_;  ///< signals that this object counts for
  std::int64_t next_look_ = 0, last_look_ = 0;
  double last_look_s_ = 0;
  bool stopped_ = false;
};

}  // namespace rensa
