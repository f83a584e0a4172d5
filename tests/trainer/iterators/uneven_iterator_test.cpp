#include "trainer/iterators/uneven_iterator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/uneven_training.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class UnevenTrainingTest : public ::testing::TestWithParam<int> {};

TEST_P(UnevenTrainingTest, AShortTailCountsLikeInOneProcess) {
  run_on_threads(GetParam(), rensa::testing::train_with_a_short_tail);
}

TEST_P(UnevenTrainingTest, ARankWithoutDataTakesPartUntilTheEnd) {
  run_on_threads(GetParam(), rensa::testing::train_with_a_rank_that_ends_early);
}

INSTANTIATE_TEST_SUITE_P(Ranks, UnevenTrainingTest, ::testing::Values(1, 2, 3, 4));

std::shared_ptr<const Dataset> numbers(std::int64_t count) {
  return std::make_shared<ArrayDataset>(
      std::vector<Array>{arange(count).to(Dtype::kFloat32), zeros({count}, Dtype::kInt32)});
}

TEST(UnevenIteratorTest, GivesEverySampleOnceAndTheSizesOfAllRanks) {
  run_on_threads(3, [](Communicator& comm) {
    const std::int64_t sizes[] = {5, 0, 3}, batches[] = {2, 7, 3};
    const int rank = comm.rank();
    UnevenIterator iterator(rank == 1 ? nullptr : numbers(sizes[rank]), {.batch_size = batches[rank], .shuffle = false},
                            {.threads = rank}, comm);
    EXPECT_EQ(iterator.epoch_size(), 8);
    EXPECT_EQ(iterator.batch_size(), 5);
    for (int epoch = 0; epoch < 2; ++epoch) {
      std::vector<std::int64_t> mine, global, first;
      do {
        const Batch batch = iterator.next().value();
        mine.insert(mine.end(), batch.indices.begin(), batch.indices.end());
        global.push_back(batch.global_size);
        first.push_back(batch.first);
        EXPECT_EQ(batch.x().shape(), Shape{batch.size()});
        EXPECT_EQ(batch.t().dtype(), Dtype::kInt32);
      } while (!iterator.is_new_epoch());
      EXPECT_EQ(static_cast<std::int64_t>(mine.size()), sizes[rank]);
      EXPECT_THAT(global, ElementsAre(5, 2, 1));
      if (rank == 2) {
        EXPECT_THAT(first, ElementsAre(2, 2, 1));
      }
      EXPECT_EQ(iterator.epoch_detail(), epoch + 1);
    }
  });
}

TEST(UnevenIteratorTest, GoesOnFromAnyStep) {
  run_on_threads(2, [](Communicator& comm) {
    const auto make = [&] {
      return std::make_unique<UnevenIterator>(numbers(comm.rank() == 0 ? 7 : 2),
                                              IteratorOptions{.batch_size = 2, .seed = 3}, LoaderOptions{.threads = 1},
                                              comm);
    };
    const auto straight = make();
    for (int done = 0; done < 9; ++done) {
      const auto resumed = make();
      resumed->restore(straight->state());
      EXPECT_EQ(resumed->epoch_detail(), straight->epoch_detail());
      const Batch a = straight->next().value(), b = resumed->next().value();
      EXPECT_EQ(a.indices, b.indices) << "after " << done << " steps";
      EXPECT_EQ(a.global_size, b.global_size);
    }
    EXPECT_THAT([&] { make()->restore({.current_position = 3}); }, ThrowsMessage<ValueError>(HasSubstr("position 3")));
  });
}

TEST(UnevenIteratorTest, RefusesWhatItCannotJoin) {
  run_on_threads(2, [](Communicator& comm) {
    EXPECT_THAT([&] { UnevenIterator(nullptr, {}, {}, comm); }, ThrowsMessage<ValueError>(HasSubstr("no rank")));
    EXPECT_THROW(UnevenIterator(numbers(3), {.repeat = false}, {}, comm), ValueError);
    EXPECT_THROW(UnevenIterator(numbers(3), {.rank = comm.rank(), .size = 2}, {}, comm), ValueError);
  });
}

}  // namespace
}  // namespace rensa
