#include "trainer/triggers/early_stopping.h"

#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/serializers/serializer.h"
#include "trainer/trainer.h"
#include "trainer/triggers/monitored_mean.h"

namespace rensa {
namespace {

class EarlyStopping final : public TriggerRule {
 public:
  explicit EarlyStopping(const EarlyStoppingOptions& options)
      : options_(options),
        larger_is_better_(options.mode == "max" ||
                          (options.mode == "auto" && options.monitor.find("accuracy") != std::string::npos)),
        mean_(options.monitor) {
    if (options.mode != "auto" && options.mode != "max" && options.mode != "min") {
      throw ValueError("early stopping: mode \"", options.mode, "\" is unknown, expected auto, max or min.");
    }
    if (options.patience < 1)
      throw ValueError("early stopping: patience is ", options.patience, ", expected 1 or more.");
  }

  void observe(Trainer& trainer) override { mean_.observe(trainer); }

  bool operator()(Trainer& trainer) override {
    const std::optional<double> value = mean_.take(trainer);
    if (!value) {
      warn_of_nothing(trainer);
      return false;
    }
    met_ = true;
    const bool better = !std::isnan(*value) && (!best_ || (larger_is_better_ ? *value > *best_ : *value < *best_));
    if (better) best_ = value;
    waited_ = better ? 0 : waited_ + 1;
    if (still_agrees() && options_.report && trainer.comm().rank() == 0) {
      options_.report(detail::join("early stopping: ", mean_.key(), " has not been ",
                                   best_ ? detail::join("better than ", *best_) : "a number", " for ", waited_,
                                   " checks"));
    }
    return still_agrees();
  }

  bool still_agrees() const override { return waited_ >= options_.patience; }

  void serialize(Serializer& serializer, Trainer& trainer) override {
    mean_.serialize(serializer.child("_summary"), trainer);
    if (serializer.is_loading() ? serializer.has("best") : best_.has_value()) {
      double best = best_.value_or(0);
      serializer("best", best);
      best_ = best;
    }
    if (!serializer.is_loading() || serializer.has("count")) serializer("count", waited_);
  }

 private:
  /// Once, if the value has not been seen by the first check: the name may be wrong.
  void warn_of_nothing(Trainer& trainer) {
    if (std::exchange(met_, true) || !options_.report || trainer.comm().rank() != 0) return;
    std::string names;
    for (const auto& [name, seen] : trainer.observation()) names += (names.empty() ? "" : ", ") + name;
    options_.report(detail::join("early stopping: nothing was observed as \"", mean_.key(),
                                 "\" so far, and without it the run will not end early. This step observed: ", names));
  }

  const EarlyStoppingOptions options_;
  const bool larger_is_better_;
  MonitoredMean mean_;
  std::optional<double> best_;
  std::int64_t waited_ = 0;  ///< checks since the best value
  bool met_ = false;         ///< the value, or the warning that it is not there
};

}  // namespace

std::shared_ptr<TriggerRule> early_stopping(const EarlyStoppingOptions& options) {
  return std::make_shared<EarlyStopping>(options);
}

}  // namespace rensa
