#pragma once

#include <optional>
#include <string>

#include "trainer/observation.h"
#include "trainer/trigger.h"

namespace rensa {

/// The mean of one observed value since it was last taken, over the samples of all ranks: what triggers look at. Ranks
/// that saw nothing count as nothing, so that all ranks get one answer.
class MonitoredMean {
 public:
  /// `key`: an observed name, such as "validation/main/accuracy".
  explicit MonitoredMean(std::string key) : key_(std::move(key)) {}

  const std::string& key() const { return key_; }  ///< the observed name
  void observe(const Trainer& trainer);            ///< takes in what the step has reported under that name
  /// The mean, after which the next one begins; nothing if no rank saw the value. A call on all ranks together.
  std::optional<double> take(Trainer& trainer);
  /// A call on all ranks together when saving.
  void serialize(Serializer& serializer, Trainer& trainer);

 private:
  const std::string key_;
  ObservedSum sum_;
};

}  // namespace rensa
