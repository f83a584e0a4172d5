#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "comm/distributed_optimizer.h"
#include "comm/links/multi_node_batch_normalization.h"
#include "comm/self/self_communicator.h"
#include "core/functions/activation.h"
#include "core/functions/dropout.h"
#include "core/functions/pooling.h"
#include "core/links/batch_normalization.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"
#include "core/optimizers/sgd.h"
#include "tests/support/hashed_numbers.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/datasets/sub_dataset.h"
#include "trainer/iterators/batch_plan.h"
#include "trainer/iterators/serial_iterator.h"
#include "trainer/iterators/uneven_iterator.h"
#include "trainer/updater.h"

// Training with steps of unequal parts on the ranks, and the same by one process, to be compared step by step.

namespace rensa::testing {

/// Batch normalization of pictures and of rows, dropout, pooling: what depends on who has which samples.
inline std::unique_ptr<UnaryLink> normalized_net() {
  constexpr Dtype kType = Dtype::kFloat64;
  const auto normalization = [](std::int64_t size) {
    return std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.size = size, .dtype = kType});
  };
  return std::make_unique<Sequential>(
      std::make_unique<Convolution2D>(
          Convolution2DOptions{.in = 3, .out = 4, .window = {.pad = {1, 1}}, .dtype = kType}),
      normalization(4), functions::relu, [](const Variable& x) { return functions::dropout(x, 0.2); },
      functions::global_average_pooling_2d, std::make_unique<Linear>(LinearOptions{.in = 4, .out = 5, .dtype = kType}),
      normalization(5), functions::relu, std::make_unique<Linear>(LinearOptions{.in = 5, .out = 3, .dtype = kType}));
}

inline std::shared_ptr<const Dataset> small_pictures(std::int64_t count) {
  const HashedNumbers numbers(9);
  std::vector<double> x;
  std::vector<std::int32_t> t;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < 75; ++j) x.push_back(numbers.uniform(i * 75 + j));
    t.push_back(static_cast<std::int32_t>(numbers.label(100000 + i, 3)));
  }
  return std::make_shared<ArrayDataset>(std::vector<Array>{array(x, {count, 3, 5, 5}), array(t, {count})});
}

struct StepSeen {
  double loss, accuracy, samples;
  std::vector<double> weights;      ///< after the step: with lr = 1 its differences are the gradients
  std::vector<double> persistents;  ///< running statistics
};

/// What each step saw, over all ranks together.
inline std::vector<StepSeen> train_uneven(Iterator& iterator, Communicator& comm, int steps) {
  seed_parameters(11);
  Classifier model(normalized_net());
  share_batch_statistics(model, comm);
  DistributedOptimizer optimizer(Sgd({.lr = 1}), comm, {.first_bucket_bytes = 64, .bucket_bytes = 256});
  optimizer.setup(model);
  StandardUpdater updater(iterator, model, optimizer, comm, /*seed=*/4);
  std::vector<StepSeen> seen;
  for (int step = 0; step < steps; ++step) {
    Observation observation;
    updater.update(observation);
    const Observed loss = observation.contains("main/loss") ? observation.at("main/loss") : Observed{0, 0};
    const Observed right = observation.contains("main/accuracy") ? observation.at("main/accuracy") : Observed{0, 0};
    const Array sums = array<double>({loss.value() * loss.weight, right.value() * right.weight, loss.weight});
    comm.all_reduce(sums);
    const double* sum = sums.data<double>();
    StepSeen now{
        .loss = sum[0] / sum[2], .accuracy = sum[1] / sum[2], .samples = sum[2], .weights = {}, .persistents = {}};
    for (const Parameter* parameter : model.parameters()) {
      for (const double value : to_vector<double>(parameter->array())) now.weights.push_back(value);
    }
    for (const auto& named : model.named_persistents()) {
      for (const double value : to_vector<double>(*named.array)) now.persistents.push_back(value);
    }
    seen.push_back(std::move(now));
  }
  return seen;
}

inline void expect_same_steps(const std::vector<StepSeen>& found, const std::vector<StepSeen>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const StepSeen &f = found[i], &e = expected[i];
    EXPECT_EQ(f.samples, e.samples) << "step " << i;
    EXPECT_NEAR(f.loss, e.loss, 1e-10) << "step " << i;
    EXPECT_NEAR(f.accuracy, e.accuracy, 1e-12) << "step " << i;
    for (std::size_t j = 0; j < e.weights.size(); ++j) ASSERT_NEAR(f.weights[j], e.weights[j], 1e-10) << "step " << i;
    for (std::size_t j = 0; j < e.persistents.size(); ++j) {
      ASSERT_NEAR(f.persistents[j], e.persistents[j], 1e-10) << "step " << i;
    }
  }
}

/// Two epochs of 42 samples in batches of 16: the third batch of each has 10.
inline void train_with_a_short_tail(Communicator& comm) {
  const auto data = small_pictures(42);
  const auto iterator = [&](int rank, int size) {
    return SerialIterator(data, {.batch_size = 16, .short_tail = true, .seed = 6, .rank = rank, .size = size});
  };
  SelfCommunicator self;
  SerialIterator whole = iterator(0, 1), part = iterator(comm.rank(), comm.size());
  const auto expected = train_uneven(whole, self, 6);
  EXPECT_EQ(expected[2].samples, 10);
  expect_same_steps(train_uneven(part, comm, 6), expected);
}

/// Gives listed samples, a list a step: what the ranks' own batches are together.
class ListedBatches final : public Iterator {
 public:
  ListedBatches(std::shared_ptr<const Dataset> data, std::vector<std::vector<std::int64_t>> steps)
      : data_(std::move(data)), fields_(data_->fields()), steps_(std::move(steps)) {}
  std::optional<Batch> next() override {
    Batch batch;
    batch.indices = steps_.at(at_++);
    batch.global_size = batch.size();
    batch.fields = make_batch_arrays(fields_, batch.size());
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      data_->fill(batch.indices[static_cast<std::size_t>(i)], {}, BatchSlot(batch.fields, i));
    }
    return batch;
  }
  void reset() override { at_ = 0; }
  const IteratorState& state() const override { return state_; }
  void restore(const IteratorState&) override {}
  std::int64_t epoch_size() const override { return data_->size(); }
  std::int64_t batch_size() const override { return 1; }

 private:
  std::shared_ptr<const Dataset> data_;
  std::vector<FieldSpec> fields_;
  std::vector<std::vector<std::int64_t>> steps_;
  std::size_t at_ = 0;
  IteratorState state_;
};

/// Each rank has samples of its own, the last one none in the last three steps of an epoch of five; two epochs.
inline void train_with_a_rank_that_ends_early(Communicator& comm) {
  constexpr std::int64_t kBatch = 4;
  constexpr std::uint64_t kSeed = 21;
  const auto samples_of = [&](int rank) {
    return rank > 0 && rank == comm.size() - 1 ? 2 * kBatch : 5 * kBatch - rank;
  };
  std::vector<std::vector<std::int64_t>> own;
  std::int64_t total = 0;
  for (int rank = 0; rank < comm.size(); ++rank) {
    auto& indices = own.emplace_back();
    for (std::int64_t i = 0; i < samples_of(rank); ++i) indices.push_back(total++);
  }
  const auto data = small_pictures(total);
  std::vector<std::vector<std::int64_t>> together(10);
  for (std::int64_t step = 0; step < 10; ++step) {
    for (const auto& indices : own) {
      const auto count = static_cast<std::int64_t>(indices.size());
      const auto order = epoch_permutation(count, kSeed, step / 5);
      for (std::int64_t i = step % 5 * kBatch; i < std::min(count, (step % 5 + 1) * kBatch); ++i) {
        together[static_cast<std::size_t>(step)].push_back(
            indices[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
      }
    }
  }
  SelfCommunicator self;
  ListedBatches whole(data, together);
  UnevenIterator part(std::make_shared<SubDataset>(data, own[static_cast<std::size_t>(comm.rank())]),
                      {.batch_size = kBatch, .seed = kSeed}, {.threads = 1}, comm);
  EXPECT_EQ(part.steps_of_epoch(), 5);
  expect_same_steps(train_uneven(part, comm, 10), train_uneven(whole, self, 10));
  EXPECT_EQ(part.epoch(), 2);
  EXPECT_TRUE(part.is_new_epoch());
}

}  // namespace rensa::testing
