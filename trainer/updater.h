#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "comm/communicators/communicator.h"
#include "core/optimizers/optimizer.h"
#include "trainer/classifier.h"
#include "trainer/deferred_number.h"
#include "trainer/iterators/iterator.h"
#include "trainer/observation.h"
#include "trainer/span.h"

namespace rensa {

/// Makes training steps, and knows how far they have come.
class Updater {
 public:
  virtual ~Updater() = default;
  /// One step; what it saw goes into `observation`.
  virtual void update(Observation& observation) = 0;
  virtual std::int64_t iteration() const = 0;        ///< steps made
  virtual std::int64_t epoch() const = 0;            ///< epochs completed
  virtual double epoch_detail() const = 0;           ///< with the fraction of the running one
  virtual double previous_epoch_detail() const = 0;  ///< before the last step
  virtual bool is_new_epoch() const = 0;             ///< the last step completed an epoch
  virtual std::int64_t samples() const = 0;          ///< of all steps since this object was made, on all ranks
  virtual std::vector<Span> last_spans() const { return {}; }  ///< the phases of the last step, if it has them timed
  virtual Optimizer& optimizer() = 0;                          ///< what update() changes the model with
  virtual Link& model() = 0;                                   ///< what is trained
  /// Saves or loads how far it has come, with iterator, model and optimizer; saving is a call on all ranks together.
  virtual void serialize(Serializer& serializer) = 0;
};

/// The usual step: a batch, the loss, backward, the optimizer. The gradient is that of the mean loss over the global
/// batch, for any number of ranks and any sizes of their parts. That batch is what the iterators of all ranks cut among
/// them (IteratorOptions::rank, size), or where each goes through a part of the data of its own, theirs together. A
/// rank whose part is empty computes the step on an empty batch: its gradient is zeros, it reports nothing, and the
/// calls that the network makes on all ranks together find it there.
class StandardUpdater : public Updater {
 public:
  /// What a batch gave. Numbers to report beside the loss count in means by their weights: give them the batch's
  /// samples, {"main/top5", {share, static_cast<double>(batch.size())}}, or what else their mean is over.
  struct Loss {
    Variable loss;            ///< the mean over this rank's part of the batch
    Observation observation;  ///< what to report beside it, such as the accuracy
  };
  using LossFunction = std::function<Loss(const Batch&)>;  ///< the loss of this rank's part of a batch, with its graph

  /// Everything must outlive the updater; the optimizer is set up with `model`. `seed` numbers the random operations of
  /// the network (dropout).
  StandardUpdater(Iterator& iterator, Link& model, LossFunction loss, Optimizer& optimizer, Communicator& comm,
                  std::uint64_t seed = 0);
  /// Reports main/loss, and main/accuracy if the classifier computes it.
  StandardUpdater(Iterator& iterator, Classifier& model, Optimizer& optimizer, Communicator& comm,
                  std::uint64_t seed = 0);
  StandardUpdater(const StandardUpdater&) = delete;  // its loss function knows where it lies
  StandardUpdater& operator=(const StandardUpdater&) = delete;

  /// From now on a step takes so many batches, one after another, whose gradients are added up and travel once. It is
  /// the step of one batch with the samples of all of them, in the memory of one. Throws ValueError for a count
  /// below 1.
  virtual void accumulate(int count);

  /// `hook` is called once, with the loss of the next batch before its backward: its graph is whole then.
  void on_next_loss(std::function<void(const Variable&)> hook) { next_loss_ = std::move(hook); }

  void update(Observation& observation) override;
  std::int64_t iteration() const override { return iteration_; }
  std::int64_t epoch() const override { return iterator_.epoch(); }
  double epoch_detail() const override { return iterator_.epoch_detail(); }
  double previous_epoch_detail() const override {
    return previous_detail_.value_or(iterator_.previous_epoch_detail().value_or(0));
  }
  bool is_new_epoch() const override { return new_epoch_.value_or(iterator_.is_new_epoch()); }
  std::int64_t samples() const override { return samples_; }
  std::vector<Span> last_spans() const override { return spans_; }
  Optimizer& optimizer() override { return optimizer_; }
  Link& model() override { return model_; }
  /// Chainer's keys: iteration, iterator:main/…, model:main/…, optimizer:main/…. After a step that threw, saving brings
  /// the iterator back to where the step began.
  void serialize(Serializer& serializer) override;

 protected:
  /// This rank's part of a batch, forward and backward. Overwritten by steps that compute it otherwise.
  virtual void add_gradients(const Batch& batch, Observation& observation);
  /// Numbers the random operations of the step's samples in `batch`.
  void set_random_context(const Batch& batch) const;
  Loss loss(const Batch& batch);                ///< what the loss function gives for the batch
  double step_share(const Batch& batch) const;  ///< of this rank's part of `batch` in the step's mean, times the ranks
  /// Observes numbers that lie on a GPU, for which the host does not wait.
  DeferredNumbers& deferred() { return deferred_; }
  /// fn(), remembered as a phase of the step.
  template <class Fn>
  auto timed(Span::Phase phase, const Fn& fn) {
    struct Stopwatch {
      std::vector<Span>& spans;
      Span span;
      ~Stopwatch() {
        span.end = Span::Clock::now();
        spans.push_back(span);
      }
    } stopwatch{spans_, {phase, Span::Clock::now(), {}}};
    return fn();
  }

 private:
  void expect_samples(double count);

  Iterator& iterator_;
  Link& model_;
  LossFunction loss_;
  std::function<void(const Variable&)> next_loss_;
  Optimizer& optimizer_;
  Communicator& comm_;
  const std::uint64_t seed_;
  int pieces_ = 1;       ///< batches of a step
  int piece_ = 0;        ///< the one under way
  double expected_ = 0;  ///< samples of the step on all ranks, as the batches so far say
  std::int64_t iteration_ = 0, samples_ = 0;
  std::optional<double>
      previous_detail_;  ///< of the last step, whose last batch the iterator knows; none: before the first
  std::optional<bool> new_epoch_;
  std::optional<IteratorState> unfinished_from_;  ///< where the step began that is under way, or has thrown
  std::vector<Span> spans_;
  DeferredNumbers deferred_;
};

/// What a classifier gives of a batch, its accuracy as main/accuracy: the loss function of updaters and evaluators.
StandardUpdater::Loss classify(Classifier& model, const Batch& batch, DeferredNumbers& deferred);

}  // namespace rensa
