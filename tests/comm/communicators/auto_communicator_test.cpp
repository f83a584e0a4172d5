#include "comm/communicators/auto_communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "comm/communicators/create_communicator.h"
#include "comm/shm/thread_group.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Eq;

TEST(AutoChoiceTest, IsTheSameAfterAWayThroughText) {
  const AutoChoice choice(
      {{4096, "flat"}, {65536, "hierarchical"}, {1 << 20, "hierarchical"}, {2 << 20, "two_dimensional"}});
  EXPECT_EQ(choice.text(), "flat up to 4096, hierarchical up to 1048576, two_dimensional");
  const auto again = AutoChoice::parse(choice.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), choice.text());
  EXPECT_EQ(again->name_for(1), "flat");
  EXPECT_EQ(again->name_for(4096), "flat");
  EXPECT_EQ(again->name_for(4097), "hierarchical");
  EXPECT_EQ(again->name_for(std::size_t{1} << 40), "two_dimensional");
  EXPECT_EQ(AutoChoice::parse("flat")->name_for(5), "flat");
}

TEST(AutoChoiceTest, KnowsWhatIsNone) {
  for (const char* text : {"", "flat up to", "flat up to 5", "flat up to x, naive", "flat, naive",
                           "flat up to 99999999999999999999, naive"}) {
    EXPECT_FALSE(AutoChoice::parse(text)) << text;
  }
}

TEST(AutoChoiceTest, IsRememberedByCluster) {
  const rensa::testing::ScratchFolder folder;
  setenv("RENSA_CACHE", folder.path().c_str(), 1);
  EXPECT_FALSE(remembered_choice("a x 2, b x 2"));
  remember_choice("a x 2, b x 2", AutoChoice({{0, "two_dimensional"}}));
  remember_choice("a x 1, b x 2", AutoChoice({{100, "flat"}, {0, "hierarchical"}}));
  EXPECT_EQ(remembered_choice("a x 2, b x 2")->text(), "two_dimensional");
  EXPECT_EQ(remembered_choice("a x 1, b x 2")->text(), "flat up to 100, hierarchical");
  EXPECT_FALSE(remembered_choice("c x 2"));
  setenv("RENSA_CACHE", "off", 1);
  EXPECT_FALSE(remembered_choice("a x 2, b x 2"));
}

TEST(AutoCommunicatorTest, ChoosesAmongWhatSuitsTheClusterAndKeepsAGivenChoice) {
  run_on_threads(4,
                 [](Communicator& threads) {
                   const auto comm = compose_communicator("auto", threads.split(0, threads.rank()));
                   ASSERT_EQ(comm->name(), "auto");
                   const auto measured = AutoChoice::parse(comm->choice());
                   ASSERT_TRUE(measured);
                   // a thread's place among nodes is made up, so any of the three may win; all ranks must agree on
                   // which
                   EXPECT_THAT(threads.all_gather_bytes(comm->choice()), Each(comm->choice()));
                   for (const auto& range : measured->ranges()) {
                     EXPECT_THAT(range.name, AnyOf(Eq("hierarchical"), Eq("two_dimensional"), Eq("single_node")));
                   }
                   const auto part = comm->split(0, comm->rank());
                   EXPECT_TRUE(comm->adopt_choice("two_dimensional up to 1000, hierarchical"));
                   EXPECT_EQ(part->choice(), "two_dimensional up to 1000, hierarchical") << "what split off goes along";
                   EXPECT_FALSE(comm->adopt_choice("no_such_one"));
                   EXPECT_FALSE(comm->adopt_choice("not a choice"));
                   for (const std::int64_t count : {10, 100000}) {
                     const Array x = full({count}, comm->rank());
                     part->all_reduce(x);
                     EXPECT_THAT(to_vector<float>(x), Each(6.0f));
                   }
                 },
                 {.ranks_per_node = 2});
}

TEST(AutoCommunicatorTest, TakesAFixedRuleWhenAskedToBeDeterministic) {
  run_on_threads(4,
                 [](Communicator& threads) {
                   const auto comm =
                       compose_communicator("auto", threads.split(0, threads.rank()), /*deterministic=*/true);
                   EXPECT_EQ(comm->choice(), "hierarchical");
                 },
                 {.ranks_per_node = 2});
}

}  // namespace
}  // namespace rensa
