#pragma once

#include <functional>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"
#include "trainer/extension.h"
#include "trainer/observation.h"

namespace rensa {

/// Makes one number of what all ranks have observed; it is called with the same values on each of them.
using Aggregation = std::function<double(const std::vector<Observed>& values)>;

/// Options of ObservationAggregator.
struct ObservationAggregatorOptions {
  std::string aggregated_key = "";          ///< the name to report under; empty: the observed one, which it replaces
  Trigger trigger = {1, Unit::kIteration};  ///< when ranks exchange what they have observed since the last time
  Aggregation aggregation = nullptr;        ///< null: the mean, by the values' weights (their samples)
};

/// Reports on every rank one number of what all ranks have observed under a name, for extensions that look at
/// trainer.observation(), which is one rank's alone: ChainerMN's ObservationAggregator. Must be there on all ranks.
/// Logs and triggers do without: they take the mean over all ranks by themselves.
///
///   trainer.extend(std::make_unique<ObservationAggregator>(
///       "main/loss", ObservationAggregatorOptions{.aggregated_key = "main/loss_aggregated"}));
///
/// Ranks that have observed nothing count as nothing; where none has, nothing is reported. A log has met the values of
/// the steps between two exchanges already: where there are some, report under a name of its own.
class ObservationAggregator final : public Extension {
 public:
  /// `key`: an observed name, such as "main/loss".
  explicit ObservationAggregator(std::string key, const ObservationAggregatorOptions& options = {});
  std::string name() const override { return "ObservationAggregator_" + key_; }
  Trigger default_trigger() const override { return options_.trigger; }
  int default_priority() const override { return kEditor; }
  void observe(Trainer& trainer) override;
  void operator()(Trainer& trainer) override;
  void serialize(Serializer& serializer, Trainer& trainer) override;

 private:
  /// What every rank has observed, rank after rank.
  std::vector<Observed> gather(Communicator& comm) const;

  const std::string key_;
  const ObservationAggregatorOptions options_;
  std::vector<Observed> seen_;  ///< since the last exchange
};

}  // namespace rensa
