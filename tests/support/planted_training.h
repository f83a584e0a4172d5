#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "comm/distributed_optimizer.h"
#include "core/models/mlp.h"
#include "core/optimizers/sgd.h"
#include "trainer/datasets/dataset.h"
#include "trainer/iterators/multithread_iterator.h"
#include "trainer/step_times.h"
#include "trainer/trainer.h"

namespace rensa::testing {

/// How long one rank pretends to work, in milliseconds: naps, so that ranks on one core do not disturb each other.
struct PlantedTimes {
  double forward = 20, sample = 0, update = 0;
};

inline void nap(double ms) { std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(ms)); }

struct NappingNet : UnaryLink {
  models::Mlp mlp;
  const double ms;
  NappingNet(double forward_ms, std::int64_t units) : mlp({.in = 16, .units = units, .out = 4}), ms(forward_ms) {
    add("mlp", mlp);
  }
  Variable forward(const Variable& x) override {
    nap(ms);
    return mlp(x);
  }
};

struct NappingData : InPlaceDataset {
  const double ms;
  explicit NappingData(double sample_ms) : ms(sample_ms) {}
  std::int64_t size() const override { return 4000; }
  std::vector<FieldSpec> fields() const override { return {{.shape = {16}}, {.shape = {}, .dtype = Dtype::kInt32}}; }
  void fill(std::int64_t index, const SampleContext&, const BatchSlot& slot) const override {
    if (ms > 0) nap(ms);
    for (float& value : slot.data<float>(0)) value = static_cast<float>(index % 7) - 3;
    slot.data<std::int32_t>(1)[0] = static_cast<std::int32_t>(index % 4);
  }
};

/// Naps where an optimizer updates, a bucket or its part at a time.
class NappingOptimizer final : public Optimizer {
 public:
  explicit NappingOptimizer(double ms) : ms_(ms) {}
  const char* name() const override { return "napping"; }
  double lr() const override { return 1; }
  void set_lr(double) override {}

 private:
  void update_range(const Range&) override { nap(ms_); }
  const double ms_;
};

inline std::unique_ptr<Optimizer> planted_optimizer(double update_ms) {
  if (update_ms > 0) return std::make_unique<NappingOptimizer>(update_ms);
  return std::make_unique<Sgd>(SgdOptions{.lr = 0.01});
}

/// A training run whose ranks nap; extensions may be added before it runs.
struct PlantedTraining {
  Classifier model;
  DistributedOptimizer optimizer;
  std::unique_ptr<Iterator> iterator;
  StandardUpdater updater;
  Trainer trainer;

  PlantedTraining(Communicator& comm, const PlantedTimes& times, const std::string& out, int steps,
                  std::int64_t units = 32, ReducerOptions reducer = {})
      : model(std::make_unique<NappingNet>(times.forward, units)),
        optimizer(planted_optimizer(times.update), comm, in_two_buckets(reducer)),
        iterator(make_iterator(std::make_shared<NappingData>(times.sample),
                               {.batch_size = 4 * comm.size(), .rank = comm.rank(), .size = comm.size()},
                               {.threads = 1})),
        updater(*iterator, model, optimizer, comm),
        trainer(updater, {static_cast<double>(steps), Unit::kIteration}, out, comm) {
    optimizer.setup(model);
  }
  BucketSource buckets() {
    return [this] { return optimizer.reducer().last_times(); };
  }
  WaitSource waits() {
    return [this](Wait::Clock::time_point since) { return optimizer.waits_since(since); };
  }
  InsideWaitMeter::Source inside_waits() {
    return [this] {
      return InsideWaits{.gradients = optimizer.waited_in_reads(), .weights = optimizer.gathers().seconds()};
    };
  }

 private:
  static ReducerOptions in_two_buckets(ReducerOptions options) {
    options.first_bucket_bytes = 512;
    options.bucket_bytes = std::size_t{4} << 20;
    return options;
  }
};

}  // namespace rensa::testing
