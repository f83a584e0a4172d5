#include "trainer/updater.h"

#include <cmath>

#include "comm/gradients/no_sync.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

StandardUpdater::Loss classify(Classifier& model, const Batch& batch) {
  Classifier::Result result = model(batch);
  const auto weight = static_cast<double>(batch.size());
  return {.loss = result.loss, .observation = {{"main/accuracy", {result.accuracy, weight}}}};
}

/// The mean of what was seen before and of what was seen now.
void take_in(Observed& mean, const Observed& seen) {
  const double weight = mean.weight + seen.weight;
  if (weight > 0) mean.value += (seen.value - mean.value) * (seen.weight / weight);
  mean.weight = weight;
}

}  // namespace

StandardUpdater::StandardUpdater(Iterator& iterator, Link& model, LossFunction loss, Optimizer& optimizer,
                                 Communicator& comm, std::uint64_t seed)
    : iterator_(iterator), model_(model), loss_(std::move(loss)), optimizer_(optimizer), comm_(comm), seed_(seed) {}

StandardUpdater::StandardUpdater(Iterator& iterator, Classifier& model, Optimizer& optimizer, Communicator& comm,
                                 std::uint64_t seed)
    : StandardUpdater(
          iterator, model, [&model](const Batch& batch) { return classify(model, batch); }, optimizer, comm, seed) {}

void StandardUpdater::update(Observation& observation) {
  const double before = iterator_.epoch_detail();
  bool new_epoch = false;
  for (int piece = 0; piece < pieces_; ++piece) {
    std::optional<NoSync> local;
    if (piece + 1 < pieces_) local.emplace(optimizer_);
    add_gradients(observation, piece);
    new_epoch = new_epoch || iterator_.is_new_epoch();
  }
  optimizer_.update();
  if (new_epoch) optimizer_.new_epoch();
  previous_detail_ = before;
  new_epoch_ = new_epoch;
  ++iteration_;
}

void StandardUpdater::add_gradients(Observation& observation, int piece) {
  const std::optional<Batch> batch = iterator_.next();
  if (!batch) throw ValueError("updater: the iterator has ended. Make it with repeat = true.");
  random_context() = {.seed = seed_,
                      .step = static_cast<std::uint64_t>(iteration_ * pieces_ + piece),
                      .first_sample = static_cast<std::uint64_t>(batch->first),
                      .uses = 0};
  samples_ += batch->global_size;
  if (batch->size() == 0) return;  // a rank may get nothing of a short batch
  const auto size = static_cast<double>(batch->size());
  Loss step = loss_(*batch);
  step.observation["main/loss"] = {step.loss.item<double>(), size};
  for (const auto& [name, seen] : step.observation)
    take_in(observation.try_emplace(name, Observed{.value = 0, .weight = 0}).first->second, seen);
  step.loss.backward({.loss_scale = size * comm_.size() / static_cast<double>(batch->global_size) / pieces_});
}

void StandardUpdater::serialize(Serializer& serializer) {
  serializer("iteration", iteration_);
  iterator_.serialize(serializer.child("iterator:main"));
  model_.serialize(serializer.child("model:main"));
  optimizer_.serialize(serializer.child("optimizer:main"));
}

}  // namespace rensa
