#include "tests/support/hashed_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace rensa::testing {

// The numbers on the right were printed by scripts/oracle/hashed_numbers.py.
TEST(HashedNumbersTest, AreThoseOfTheOracleToTheLastBit) {
  EXPECT_EQ(HashedNumbers(0).bits(0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(HashedNumbers(0).bits(1), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(HashedNumbers(10'000'007).bits(0), 0x7667d8278eb8e1d8u);
  EXPECT_EQ(HashedNumbers(10'000'007).bits(1), 0x18e2760bc0e97439u);
  const HashedNumbers uniform(20'000'003);
  EXPECT_EQ(uniform.uniform(0, 0.5), 0.03359260143165288);
  EXPECT_EQ(uniform.uniform(1, 0.5), -0.07684176992898684);
  EXPECT_EQ(uniform.uniform(2, 0.5), 0.2873324071923018);
  const HashedNumbers label(21'000'000);
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 8; ++i) labels.push_back(label.label(i, 10));
  EXPECT_THAT(labels, ::testing::ElementsAre(0, 8, 0, 8, 5, 3, 4, 4));
}

}  // namespace rensa::testing
