#include "trainer/triggers/best_value.h"

#include <cmath>
#include <optional>
#include <utility>

#include "core/serializers/serializer.h"
#include "trainer/trainer.h"
#include "trainer/triggers/monitored_mean.h"

namespace rensa {
namespace {

class BestValue final : public TriggerRule {
 public:
  BestValue(std::string key, std::function<bool(double, double)> is_better)
      : mean_(std::move(key)), is_better_(std::move(is_better)) {}

  void observe(Trainer& trainer) override { mean_.observe(trainer); }

  bool operator()(Trainer& trainer) override {
    const std::optional<double> value = mean_.take(trainer);
    if (!value || std::isnan(*value) || (best_ && !is_better_(*best_, *value))) return false;
    best_ = value;
    return true;
  }

  void serialize(Serializer& serializer, Trainer& trainer) override {
    mean_.serialize(serializer.child("_summary"), trainer);
    const char* const key = serializer.has("best_value") ? "best_value" : "_best_value";  // as it was called before
    if (serializer.is_loading() ? !serializer.has(key) : !best_) return;
    double best = best_.value_or(0);
    serializer(key, best);
    best_ = best;
  }

 private:
  MonitoredMean mean_;
  const std::function<bool(double, double)> is_better_;
  std::optional<double> best_;
};

}  // namespace

std::shared_ptr<TriggerRule> best_value(std::string key, std::function<bool(double best, double value)> is_better) {
  return std::make_shared<BestValue>(std::move(key), std::move(is_better));
}

std::shared_ptr<TriggerRule> max_value(std::string key) {
  return best_value(std::move(key), [](double best, double value) { return value > best; });
}

std::shared_ptr<TriggerRule> min_value(std::string key) {
  return best_value(std::move(key), [](double best, double value) { return value < best; });
}

}  // namespace rensa
