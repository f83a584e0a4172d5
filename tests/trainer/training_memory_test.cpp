#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "comm/distributed_optimizer.h"
#include "comm/self/self_communicator.h"
#include "core/models/model.h"
#include "core/optimizers/momentum_sgd.h"
#include "tests/support/resident_memory.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/extensions/evaluator.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/images/picture_generator.h"
#include "trainer/iterators/multithread_iterator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

/// Remembers how much memory the process has at the end of each epoch.
struct RememberMemory final : Extension {
  explicit RememberMemory(std::map<std::int64_t, std::int64_t>& resident_kib) : resident(resident_kib) {}
  std::string name() const override { return "RememberMemory"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kLast - 1; }
  void operator()(Trainer& trainer) override {
    std::int64_t& now = resident[trainer.updater().epoch()];
    now = testing::resident_kib();
    std::printf("%2lld epochs: %lld KiB resident\n", static_cast<long long>(trainer.updater().epoch()),
                static_cast<long long>(now));
  }
  std::map<std::int64_t, std::int64_t>& resident;
};

TEST(TrainingMemorySlowTest, TwentyEpochsOfPicturesTakeNoMoreThanTwo) {
  const testing::ScratchFolder folder;
  images::write_picture_folder(folder / "pictures", {.classes = 4, .train_per_class = 20, .val_per_class = 5});
  const auto pictures = [&](const std::string& part, bool train) {
    const auto dataset = std::make_shared<ImageFolder>(
        folder / ("pictures/" + part), ImageFolderOptions{.train = train, .crop = {.size = 64}, .resize = 72});
    return make_iterator(dataset, {.batch_size = 10, .repeat = train, .shuffle = train}, {.threads = 2});
  };
  SelfCommunicator self;
  Classifier model(models::make_model("resnet18", {.input = {3, 64, 64}, .classes = 4, .width = 8}));
  DistributedOptimizer optimizer(MomentumSgd({.lr = 0.01}), self);
  optimizer.setup(model);
  const auto iterator = pictures("train", true);
  StandardUpdater updater(*iterator, model, optimizer, self);
  Trainer trainer(updater, {20, Unit::kEpoch}, folder / "out", self);
  trainer.extend(std::make_unique<Evaluator>(pictures("val", false), model));
  trainer.extend(std::make_unique<LogReport>());
  trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.in_background = true}));
  std::map<std::int64_t, std::int64_t> resident;
  trainer.extend(std::make_unique<RememberMemory>(resident));
  trainer.run();
  // 144 batches of 480 KiB have been trained on in between
  EXPECT_LE(resident.at(20) - resident.at(2), 8 * 1024);
}

}  // namespace
}  // namespace rensa
