#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace rensa {

class Serializer;
class Trainer;
class Updater;

/// What a trigger counts.
enum class Unit { kIteration, kEpoch };

/// What a trigger whose interval has passed makes depend on more: "only if the validation is better than ever"
/// (trainer/triggers). All ranks must come to the same answer, for what follows may be a call on all of them together.
class TriggerRule {
 public:
  virtual ~TriggerRule() = default;
  virtual void observe(Trainer&) {}               ///< after every step, before the rule is asked
  virtual bool operator()(Trainer& trainer) = 0;  ///< asked each time the interval has passed, on all ranks together
  /// What was agreed still holds, without a further step: a run that stop_when() ended does not go on when resumed.
  virtual bool still_agrees() const { return false; }
  /// Saving is a call on all ranks together.
  virtual void serialize(Serializer&, Trainer&) {}
};

/// Fires every `period` iterations or epochs, if the rule, where there is one, agrees. The interval remembers nothing:
/// whether it has passed follows from where the updater stands, so that a resumed run goes on as if it had not stopped.
///
///   const Trigger best{1, Unit::kEpoch, max_value("validation/main/accuracy")};
///   trainer.extend(std::make_unique<Snapshot>(), {.trigger = best});
struct Trigger {
  /// Throws ValueError for a period that is not above 0 or, of iterations, not whole.
  Trigger(double every = 1, Unit of = Unit::kEpoch, std::shared_ptr<TriggerRule> if_agreed = nullptr);

  double period;
  Unit unit;
  std::shared_ptr<TriggerRule> rule;  ///< null: none

  /// The interval has passed with the last step.
  bool is_due(const Updater& updater) const;
  /// To be asked once after every step, on all ranks.
  bool fires(Trainer& trainer) const;
  /// Chainer's keys for its readers, of which nothing is needed to go on, and the rule's.
  void serialize(Serializer& serializer, Trainer& trainer) const;
};

/// "5 epochs", "100 iterations", "0.5 epoch". Throws ValueError for anything else.
Trigger parse_trigger(const std::string& text);

}  // namespace rensa
