#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trainer/extension.h"
#include "trainer/observation.h"

namespace rensa {

/// Collects what was observed since the last report: means over the samples of all ranks, and writes them to the file
/// `log` in the output folder as Chainer's LogReport does: a JSON list of objects with epoch, iteration, elapsed_time
/// (seconds), images_per_second (of training steps alone) and every name that was observed.
///
/// The file is replaced at once; a reader never sees half of it.
class LogReport final : public Extension {
 public:
  /// Means of the observed values, with "epoch", "iteration" and "elapsed_time" (seconds).
  using Entry = std::map<std::string, double>;

  explicit LogReport(const Trigger& trigger = {1, Unit::kEpoch}, std::string file_name = "log");
  std::string name() const override { return "LogReport"; }
  Trigger default_trigger() const override { return trigger_; }

  void initialize(Trainer& trainer) override;
  void observe(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void serialize(Serializer& serializer, Trainer& trainer) override;

  const std::vector<Entry>& log() const { return log_; }  ///< all entries so far, those before a resume included

 private:
  /// Waits for what steps left on a GPU: the steps' time.
  void read_deferred(Trainer& trainer);
  void move_sums_to_rank_0(Trainer& trainer);
  void write(const std::string& path) const;
  void write_for_chainer(Serializer& serializer, Trainer& trainer) const;

  const Trigger trigger_;
  const std::string file_name_;
  std::map<std::string, ObservedSum> sums_;
  std::vector<Entry> log_;
  std::int64_t samples_ = 0;  ///< of the updater at the last report
  double seconds_ = 0;        ///< of steps at the last report
};

}  // namespace rensa
