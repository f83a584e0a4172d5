#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/extension.h"
#include "trainer/step_times.h"
#include "trainer/stragglers/judge.h"

namespace rensa {

/// Says what holds the ranks up: a rank that computes slowly, a slow loader, work beside the steps, or the network and
/// which host's link. A rank's own work is stamped when its buckets become ready, so that those who wait are not
/// blamed.
///
/// Every interval rank 0 gets the times of all ranks' steps since the last one and judges (stragglers::judge). Where
/// the network holds all up, the ranks time messages among each other to find the host (a few milliseconds each). `say`
/// gets a line; the file `stragglers` in the output folder a JSON list with each rank's means. Must be there on all
/// ranks.
class StragglerReport final : public Extension {
 public:
  using Say = std::function<void(const std::string& line)>;  ///< takes a line, without its end

  StragglerReport(const Trigger& trigger, BucketSource buckets, Say say, InsideWaitMeter::Source waits = nullptr)
      : trigger_(trigger), buckets_(std::move(buckets)), say_(std::move(say)), waits_(std::move(waits)) {}
  std::string name() const override { return "StragglerReport"; }
  Trigger default_trigger() const override { return trigger_; }
  int default_priority() const override { return kWriter; }
  void initialize(Trainer& trainer) override;
  void observe(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void serialize(Serializer& serializer, Trainer& trainer) override;

  /// The last line said; on rank 0.
  const std::string& last_line() const { return last_line_; }
  const stragglers::Verdict& last_verdict() const { return verdict_; }  ///< what it rests on; on rank 0

 private:
  std::vector<std::vector<stragglers::Step>> gather(Communicator& comm) const;
  std::string describe(const std::vector<stragglers::LinkTime>& links) const;

  const Trigger trigger_;
  const BucketSource buckets_;
  const Say say_;
  InsideWaitMeter waits_;
  std::vector<stragglers::Step> steps_;
  std::vector<std::string> hosts_;    ///< of each rank
  std::vector<std::string> entries_;  ///< of the file, as JSON
  Span::Clock::time_point last_end_{};
  stragglers::Verdict verdict_;
  std::string last_line_;
};

}  // namespace rensa
