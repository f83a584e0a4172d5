#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicators/communicator.h"
#include "trainer/extension.h"
#include "trainer/observation.h"
#include "trainer/updater.h"

namespace rensa {

/// What differs from an extension's own defaults.
struct ExtendOptions {
  std::optional<Trigger> trigger = std::nullopt;
  std::optional<int> priority = std::nullopt;
  std::string name = "";              ///< empty: the extension's own; of several such the second is NAME_1
  bool call_before_training = false;  ///< once before the first step, too; not after a resume
};

/// The training loop, in Chainer's shape: steps until the stop trigger fires, and extensions beside them.
class Trainer {
 public:
  /// `stop`: the epochs or iterations to train. Where it is a fraction of an epoch, extensions that are due at
  /// intervals of epochs run after the last step too. If it has a rule (manual_schedule, every_seconds,
  /// early_stopping), the run ends when the trigger fires for the first time, and nothing else limits it; for
  /// early_stopping with a maximum, Chainer's max_trigger, give the maximum here and the rule to stop_when().
  /// `out`: the folder of results, this run's alone. Rank 0 makes it, and removes from it what a killed run had begun
  /// to write.
  Trainer(Updater& updater, const Trigger& stop, std::string out, Communicator& comm);
  ~Trainer();

  /// Throws ValueError if the name that `options` gives is taken.
  Extension& extend(std::unique_ptr<Extension> extension, const ExtendOptions& options = {});
  /// Throws ValueError if there is none of that name.
  Extension& extension(const std::string& name);

  /// Trains until the stop trigger fires, stop() or stop_when() ends it, or something throws; then extensions are
  /// finished. Extensions that save at intervals (Snapshot) run after the last step, whether they are due or not;
  /// a run that a signal ends has StopOnSignal's alone.
  void run();
  /// Ends the run after this step. To be called on all ranks in the same step: an observation() is one rank's alone, so
  /// let them agree first (ObservationAggregator), or leave it to a trigger of stop_when().
  void stop() { stopping_ = true; }
  /// Stops after the step at which `trigger` fires, if that is before the end: {1, Unit::kEpoch, early_stopping()}.
  void stop_when(Trigger trigger) { early_stops_.push_back(std::move(trigger)); }

  Updater& updater() { return updater_; }                  ///< what makes the steps
  const Updater& updater() const { return updater_; }      ///< what makes the steps
  Communicator& comm() { return comm_; }                   ///< the ranks that train
  Optimizer& optimizer() { return updater_.optimizer(); }  ///< the updater's
  const std::string& out() const { return out_; }          ///< the folder that extensions write into
  Observation& observation() { return observation_; }      ///< what this step has reported so far; extensions add to it
  const Observation& observation() const { return observation_; }  ///< what this step has reported so far
  const Trigger& stop_trigger() const { return stop_; }            ///< when the run ends
  double progress() const;      ///< done part of the run, in [0, 1]; 0 if the stop trigger has a rule: nobody knows
  bool is_done() const;         ///< no further step will be made
  double elapsed_time() const;  ///< seconds of all runs together
  double update_seconds() const { return update_seconds_; }  ///< of steps alone, in this run
  /// Time of steps that was waited for behind them: a GPU goes on when update() has returned.
  void add_update_seconds(double seconds) { update_seconds_ += seconds; }

  /// Everything needed to go on bit for bit, under Chainer's keys. Saving is a call on all ranks together.
  void serialize(Serializer& serializer);

 private:
  struct Entry {
    std::string name;
    Trigger trigger;
    int priority;
    std::unique_ptr<Extension> extension;
    bool call_before_training;
  };
  std::string free_name(const std::string& name) const;
  bool is_at_end() const;
  void call_before_training();
  void step();

  Updater& updater_;
  const Trigger stop_;
  const std::string out_;
  Communicator& comm_;
  std::vector<Entry> extensions_;  ///< highest priority first
  std::vector<Trigger> early_stops_;
  Observation observation_;
  std::chrono::steady_clock::time_point started_;
  double earlier_seconds_ = 0, update_seconds_ = 0;
  bool running_ = false, stopping_ = false;
};

}  // namespace rensa
