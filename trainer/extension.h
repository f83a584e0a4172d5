#pragma once

#include <exception>
#include <string>

#include "trainer/trigger.h"

namespace rensa {

class Serializer;
class Trainer;

/// Something done beside the steps, when its trigger fires: evaluation, logs, snapshots. An extension that speaks to
/// the other ranks must be there on all of them, with the same trigger.
///
///   struct SayHello : Extension {
///     std::string name() const override { return "SayHello"; }
///     void operator()(Trainer& trainer) override { … }
///   };
///   trainer.extend(std::make_unique<SayHello>(), {.trigger = Trigger{10, Unit::kIteration}});
class Extension {
 public:
  // Chainer's priorities: larger ones run first. Writers add to the observation, readers see what they added. From
  // kLast on come those that save the trainer: when every trigger has been asked, for what it learnt is saved too, and
  // after the last step of a run too, unless their trigger has a rule.
  static constexpr int kWriter = 300, kEditor = 200, kReader = 100, kLast = -100;

  virtual ~Extension() = default;
  virtual std::string name() const = 0;  ///< its name in extension(), in snapshots and in messages
  /// What extend() calls it, if that is not name(): it was asked for, or the name was taken.
  virtual void rename(const std::string&) {}
  /// When it runs, unless extend() says otherwise.
  virtual Trigger default_trigger() const { return {1, Unit::kIteration}; }
  /// In which order it runs, unless extend() says otherwise: larger ones first.
  virtual int default_priority() const { return kReader; }

  virtual void initialize(Trainer&) {}            ///< before the first step, after a resume
  virtual void observe(Trainer&) {}               ///< after every step, before the trigger is asked
  virtual void operator()(Trainer& trainer) = 0;  ///< when the trigger fires
  virtual void end_of_run(Trainer&) {}  ///< after the last step, on all ranks together; not after an exception
  /// When a step or an extension threw, on this rank: before finalize(). The other ranks may be gone.
  virtual void on_error(Trainer&, std::exception_ptr) {}
  virtual void finalize(Trainer&) {}  ///< at the end, also after an exception
  /// Saving is a call on all ranks together.
  virtual void serialize(Serializer&, Trainer&) {}
};

}  // namespace rensa
