#include "trainer/updater.h"

#include <cmath>
#include <unordered_set>
#include <utility>

#include "comm/gradients/no_sync.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/serializers/serializer.h"

namespace rensa {

StandardUpdater::Loss classify(Classifier& model, const Batch& batch, DeferredNumbers& deferred) {
  const Classifier::Result result = model(batch);
  StandardUpdater::Loss step{.loss = result.loss, .observation = {}};
  const auto weight = static_cast<double>(batch.size());
  if (result.accuracy) step.observation["main/accuracy"] = deferred.observe(result.accuracy, weight);
  return step;
}

StandardUpdater::StandardUpdater(Iterator& iterator, Link& model, LossFunction loss, Optimizer& optimizer,
                                 Communicator& comm, std::uint64_t seed)
    : iterator_(iterator), model_(model), loss_(std::move(loss)), optimizer_(optimizer), comm_(comm), seed_(seed) {}

StandardUpdater::StandardUpdater(Iterator& iterator, Classifier& model, Optimizer& optimizer, Communicator& comm,
                                 std::uint64_t seed)
    : StandardUpdater(
          iterator, model, [&model, this](const Batch& batch) { return classify(model, batch, deferred_); }, optimizer,
          comm, seed) {}

void StandardUpdater::accumulate(int count) {
  if (count < 1) throw ValueError("updater: ", count, " batches to accumulate, expected 1 or more.");
  pieces_ = count;
}

/// How many samples the step will have had is known with its last batch. Gradients so far were weighted by what was
/// expected then, and are brought to the new number where that differs.
void StandardUpdater::expect_samples(double count) {
  if (piece_ > 0 && count != expected_) {
    std::unordered_set<const void*> met;  // links may share a parameter, and parameters a gradient
    for (Parameter* parameter : model_.parameters()) {
      // Asking reads the parameter: with carry_over its last update is made now, and the gradient is this step's.
      if (!parameter->is_initialized()) continue;
      const Array gradient = parameter->grad();
      if (gradient && met.insert(gradient.raw_data()).second)
        gradient.copy_from(kernels::mul_number(gradient, expected_ / count));
    }
  }
  expected_ = count;
}

double StandardUpdater::step_share(const Batch& batch) const {
  return static_cast<double>(batch.size()) * comm_.size() / expected_;
}

void StandardUpdater::update(Observation& observation) {
  spans_.clear();
  unfinished_from_ = iterator_.state();
  double samples = 0;
  const double before = iterator_.epoch_detail();
  bool new_epoch = false;
  for (piece_ = 0; piece_ < pieces_; ++piece_) {
    std::optional<NoSync> local;
    if (piece_ + 1 < pieces_) local.emplace(optimizer_);
    std::optional<Batch> batch = timed(Span::Phase::kInput, [&] { return iterator_.next(); });
    if (!batch) throw ValueError("updater: the iterator has ended. Make it with repeat = true.");
    if (iterator_.is_of_one_rank()) {  // the other ranks have such a batch each
      batch->first += comm_.rank() * batch->global_size;
      batch->global_size *= comm_.size();
    }
    samples += static_cast<double>(batch->global_size);
    if (piece_ == 0 || piece_ + 1 == pieces_) expect_samples(samples * pieces_ / (piece_ + 1));
    add_gradients(*batch, observation);
    samples_ += batch->global_size;
    new_epoch = new_epoch || iterator_.is_new_epoch();
  }
  timed(Span::Phase::kUpdate, [&] { optimizer_.update(); });
  if (new_epoch) optimizer_.new_epoch();
  previous_detail_ = before;
  new_epoch_ = new_epoch;
  ++iteration_;
  unfinished_from_.reset();
}

void StandardUpdater::add_gradients(const Batch& batch, Observation& observation) {
  set_random_context(batch);
  const auto size = static_cast<double>(batch.size());
  Loss step = timed(Span::Phase::kForward, [&] { return loss(batch); });
  if (batch.size() > 0) {  // a mean over no samples says nothing
    step.observation["main/loss"] = deferred_.observe(step.loss.array(), size);
    join_means(observation, step.observation);
  }
  timed(Span::Phase::kBackward, [&] { optimizer_.backward(step.loss, step_share(batch)); });
}

StandardUpdater::Loss StandardUpdater::loss(const Batch& batch) {
  Loss step = loss_(batch);
  if (next_loss_) std::exchange(next_loss_, nullptr)(step.loss);
  return step;
}

void StandardUpdater::set_random_context(const Batch& batch) const {
  random_context() = {.seed = seed_,
                      .step = static_cast<std::uint64_t>(iteration_ * pieces_ + piece_),
                      .first_sample = static_cast<std::uint64_t>(batch.first),
                      .uses = 0};
}

void StandardUpdater::serialize(Serializer& serializer) {
  // Its batches belong to a step that was not made: who goes on from here must meet them again.
  if (const auto from = std::exchange(unfinished_from_, {}); from && !serializer.is_loading()) iterator_.restore(*from);
  serializer("iteration", iteration_);
  iterator_.serialize(serializer.child("iterator:main"));
  model_.serialize(serializer.child("model:main"));
  optimizer_.serialize(serializer.child("optimizer:main"));
}

}  // namespace rensa
