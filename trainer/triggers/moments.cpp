#include "trainer/triggers/moments.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/serializers/serializer.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

class ManualSchedule final : public TriggerRule {
 public:
  ManualSchedule(std::vector<double> points, Unit unit) : points_(std::move(points)), unit_(unit) {}

  bool operator()(Trainer& trainer) override {
    reached_ = has_reached_first(trainer.updater());
    return passes_with_last_step(trainer.updater());
  }

  bool still_agrees() const override { return reached_; }

  void serialize(Serializer& serializer, Trainer& trainer) override {
    if (serializer.is_loading()) reached_ = has_reached_first(trainer.updater());
  }

 private:
  double position(const Updater& updater) const {
    return unit_ == Unit::kEpoch ? updater.epoch_detail() : static_cast<double>(updater.iteration());
  }

  /// With whichever step: a resumed run may not know where its last one began.
  bool has_reached_first(const Updater& updater) const {
    return *std::min_element(points_.begin(), points_.end()) <= position(updater);
  }

  bool passes_with_last_step(const Updater& updater) const {
    const double now = position(updater);
    const double before = unit_ == Unit::kEpoch ? updater.previous_epoch_detail() : now - 1;
    return std::any_of(points_.begin(), points_.end(), [&](double point) { return before < point && point <= now; });
  }

  const std::vector<double> points_;
  const Unit unit_;
  bool reached_ = false;  ///< the first point, with whichever step
};

class Once final : public TriggerRule {
 public:
  explicit Once(bool call_on_resume) : call_on_resume_(call_on_resume) {}
  bool operator()(Trainer&) override { return !std::exchange(fired_, true); }
  void serialize(Serializer& serializer, Trainer& trainer) override {
    if (serializer.is_loading()) fired_ = trainer.updater().iteration() > 0 && !call_on_resume_;
  }

 private:
  const bool call_on_resume_;
  bool fired_ = false;
};

class EverySeconds final : public TriggerRule {
 public:
  explicit EverySeconds(double seconds) : seconds_(seconds), next_(seconds) {}

  bool operator()(Trainer& trainer) override {
    const double now = trainer.elapsed_time();
    const Array answer = array(std::vector<std::int32_t>{now >= next_ ? 1 : 0}, {1});
    trainer.comm().broadcast(answer, /*root=*/0);
    if (answer.data<std::int32_t>()[0] == 0) return false;
    next_ = now + seconds_;
    return true;
  }

  void serialize(Serializer& serializer, Trainer&) override {
    const char* const key = serializer.has("next_time") ? "next_time" : "_next_time";  // as it was called before
    if (serializer.has(key)) serializer(key, next_);
  }

 private:
  const double seconds_;
  double next_;  ///< elapsed time
};

}  // namespace

Trigger manual_schedule(const std::vector<double>& points, Unit unit) {
  if (points.empty() || *std::min_element(points.begin(), points.end()) <= 0) {
    throw ValueError("manual schedule: expected one or more points, each above 0.");
  }
  return {1, Unit::kIteration, std::make_shared<ManualSchedule>(points, unit)};
}

Trigger once(bool call_on_resume) { return {1, Unit::kIteration, std::make_shared<Once>(call_on_resume)}; }

Trigger every_seconds(double seconds, int every_iterations) {
  if (!(seconds > 0) || every_iterations < 1) {
    throw ValueError("every_seconds: ", seconds, " seconds, asked every ", every_iterations,
                     " iterations; both should be above 0.");
  }
  return {static_cast<double>(every_iterations), Unit::kIteration, std::make_shared<EverySeconds>(seconds)};
}

}  // namespace rensa
