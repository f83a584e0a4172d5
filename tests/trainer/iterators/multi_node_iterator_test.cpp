#include "trainer/iterators/multi_node_iterator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/mixed_iterator.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Row i is {i + offset, 2 i}, of class i.
std::shared_ptr<const Dataset> rows(std::int64_t count, float offset = 0) {
  std::vector<float> x;
  std::vector<std::int32_t> t;
  for (std::int64_t i = 0; i < count; ++i) {
    x.push_back(static_cast<float>(i) + offset);
    x.push_back(static_cast<float>(2 * i));
    t.push_back(static_cast<std::int32_t>(i));
  }
  return std::make_shared<ArrayDataset>(std::vector<Array>{array(x, {count, 2}), array(t, {count})});
}

std::unique_ptr<Iterator> plain(std::int64_t batch, bool repeat = true) {
  return make_iterator(rows(10), {.batch_size = batch, .repeat = repeat, .seed = 3}, {.threads = 1});
}

TEST(MultiNodeIteratorTest, EveryRankGetsTheMastersBatches) {
  for (const int master : {0, 2}) {
    run_on_threads(3, [&](Communicator& comm) {
      const auto shared = create_multi_node_iterator(comm.rank() == master ? plain(4) : nullptr, comm, master);
      const auto expected = plain(4);
      EXPECT_EQ(shared->epoch_size(), 10);
      EXPECT_EQ(shared->batch_size(), 4);
      for (int step = 0; step < 6; ++step) {
        const Batch found = shared->next().value(), want = expected->next().value();
        EXPECT_EQ(to_vector<float>(found.x()), to_vector<float>(want.x()));
        EXPECT_EQ(to_vector<std::int32_t>(found.t()), to_vector<std::int32_t>(want.t()));
        EXPECT_EQ(found.indices, want.indices);
        EXPECT_EQ(found.global_size, 12);
        EXPECT_EQ(shared->epoch(), expected->epoch());
        EXPECT_EQ(shared->is_new_epoch(), expected->is_new_epoch());
        EXPECT_EQ(shared->epoch_detail(), expected->epoch_detail());
        EXPECT_EQ(shared->previous_epoch_detail(), expected->previous_epoch_detail());
      }
    });
  }
}

TEST(MultiNodeIteratorTest, MixedSamplesAreMixedOnEveryRank) {
  const auto pictures = std::make_shared<ArrayDataset>(
      std::vector<Array>{ones({4, 1, 2, 2}), array(std::vector<std::int32_t>{0, 1, 2, 3}, {4})});
  run_on_threads(2, [&](Communicator& comm) {
    std::unique_ptr<Iterator> mixed;
    if (comm.rank() == 0) {
      mixed = std::make_unique<MixedIterator>(make_iterator(pictures, {.batch_size = 4}, {.threads = 0}),
                                              MixOptions{.mixup_alpha = 1});
    }
    EXPECT_TRUE(mixed_labels(create_multi_node_iterator(std::move(mixed), comm)->next().value()));
  });
}

TEST(MultiNodeIteratorTest, EndsOnAllRanksAndStartsAgain) {
  run_on_threads(2, [](Communicator& comm) {
    const auto shared = create_multi_node_iterator(comm.rank() == 0 ? plain(4, /*repeat=*/false) : nullptr, comm);
    for (int round = 0; round < 2; ++round) {
      std::int64_t samples = 0;
      while (const std::optional<Batch> batch = shared->next()) samples += batch->size();
      EXPECT_EQ(samples, 10);
      shared->reset();
    }
  });
}

TEST(MultiNodeIteratorTest, GoesOnWhereItWas) {
  run_on_threads(2, [](Communicator& comm) {
    const auto mine = [&] { return comm.rank() == 0 ? plain(3) : nullptr; };
    const auto shared = create_multi_node_iterator(mine(), comm), resumed = create_multi_node_iterator(mine(), comm);
    for (int step = 0; step < 5; ++step) shared->next();
    resumed->restore(shared->state());
    for (int step = 0; step < 5; ++step) EXPECT_EQ(resumed->next()->indices, shared->next()->indices);
    EXPECT_THAT([&] { resumed->restore({.current_position = 99}); }, ThrowsMessage<ValueError>(HasSubstr("99")));
  });
}

TEST(MultiNodeIteratorTest, AMasterWithoutAnIteratorIsRefusedOnAllRanks) {
  run_on_threads(2, [](Communicator& comm) {
    EXPECT_THAT([&] { create_multi_node_iterator(nullptr, comm); },
                ThrowsMessage<ValueError>(HasSubstr("no iterator")));
    EXPECT_THAT([&] { create_multi_node_iterator(plain(1), comm, 2); }, ThrowsMessage<ValueError>(HasSubstr("rank 2")));
  });
}

TEST(SynchronizedIteratorTest, RanksGoThroughTheirOwnDataInOneOrder) {
  run_on_threads(3, [](Communicator& comm) {
    const IteratorOptions options{.batch_size = 4, .seed = static_cast<std::uint64_t>(comm.rank())};
    const auto mine = rows(10, 100.0f * static_cast<float>(comm.rank()));
    const auto iterator = create_synchronized_iterator(mine, options, {.threads = 1}, comm);
    for (int step = 0; step < 5; ++step) {
      const Batch batch = iterator->next().value();
      const auto first = static_cast<float>(batch.indices.front());
      EXPECT_EQ(to_vector<float>(batch.x()).front(), first + 100.0f * static_cast<float>(comm.rank()));
      const Array seen = array(batch.indices, {batch.size()}), of_rank_0 = seen.copy();
      comm.broadcast(of_rank_0, 0);
      EXPECT_EQ(to_vector<std::int64_t>(seen), to_vector<std::int64_t>(of_rank_0));
    }
  });
}

TEST(SynchronizedIteratorTest, DatasetsOfDifferentSizesAreRefused) {
  run_on_threads(2, [](Communicator& comm) {
    EXPECT_THAT([&] { create_synchronized_iterator(rows(10 + comm.rank()), {.batch_size = 2}, {.threads = 1}, comm); },
                ThrowsMessage<ValueError>(HasSubstr("10 to 11")));
  });
}

}  // namespace
}  // namespace rensa
