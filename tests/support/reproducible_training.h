#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "comm/compute_threads.h"
#include "comm/self/self_communicator.h"
#include "core/models/resnet.h"
#include "core/optimizers/momentum_sgd.h"
#include "tests/support/hashed_numbers.h"
#include "trainer/datasets/small_pictures.h"
#include "trainer/iterators/multithread_iterator.h"
#include "trainer/reproducible_updater.h"

namespace rensa::testing {

/// ResNet-18 with batch normalization and dropout on pictures with random crops and flips.
struct ReproducibleTask {
  std::int64_t width = 8, batch = 18;
  int side = 40, samples = 50, steps = 4, shards = 8, loader_threads = 1;
  bool short_tail = true;  ///< batches of 18, 18 and 14: shards of 1, 2 and 3 samples
};

/// The size: 50 steps of the whole network.
inline ReproducibleTask long_reproducible_task() {
  return {.width = 64,
          .batch = 64,
          .side = 32,
          .samples = 1000,
          .steps = 50,
          .shards = 8,
          .loader_threads = 1,
          .short_tail = false};
}

inline PictureTable noise_pictures(int count, int side) {
  const HashedNumbers numbers(31);
  PictureTable table{.height = side, .width = side, .channels = 3, .pixels = {}, .labels = {}, .class_names = {}};
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count) * side * side * 3; ++i) {
    table.pixels.push_back(static_cast<std::uint8_t>(numbers.label(i, 256)));
  }
  for (int i = 0; i < count; ++i) table.labels.push_back(static_cast<std::int32_t>(numbers.label(1 << 28 | i, 10)));
  table.class_names.resize(10);
  return table;
}

/// Every parameter and persistent value after the steps, as bytes.
inline std::string train_reproducibly(const ReproducibleTask& task, Communicator& comm) {
  set_compute_threads(comm, 1);
  seed_parameters(7 + static_cast<std::uint64_t>(comm.rank()));  // rank 0's weights must win
  Classifier model(models::resnet18({.classes = 10, .width = task.width, .dropout = 0.3}));
  MomentumSgd optimizer({.lr = 0.05, .momentum = 0.9});
  optimizer.common() = {.weight_decay = 1e-4, .clip_norm = 5};
  optimizer.setup(model);
  const auto data = std::make_shared<SmallPictures>(noise_pictures(task.samples, task.side),
                                                    SmallPicturesOptions{.pad = 4, .flip = true});
  const auto iterator = make_iterator(
      data,
      {.batch_size = task.batch, .short_tail = task.short_tail, .seed = 5, .rank = comm.rank(), .size = comm.size()},
      {.threads = task.loader_threads});
  ReproducibleUpdater updater(*iterator, model, optimizer, comm, task.shards, /*seed=*/3);
  Observation observation;
  for (int step = 0; step < task.steps; ++step) {
    observation.clear();
    updater.update(observation);
  }
  EXPECT_TRUE(std::isfinite(observation.at("main/loss").value()));
  std::string bytes;
  const auto append = [&](const Array& array) {
    const Array flat = array.contiguous();
    bytes.append(static_cast<const char*>(flat.raw_data()), flat.bytes());
  };
  for (const auto& named : model.named_parameters()) append(named.parameter->array());
  for (const auto& named : model.named_persistents()) append(*named.array);
  return bytes;
}

/// Leaves the weights for a script that compares runs, if it asks for them.
inline void keep_weights(const std::string& name, const std::string& bytes) {
  const char* folder = std::getenv("RENSA_WEIGHTS_FOLDER");
  if (folder) std::ofstream(std::string(folder) + "/" + name, std::ios::binary) << bytes;
}

}  // namespace rensa::testing
