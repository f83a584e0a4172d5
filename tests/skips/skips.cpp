#include <gtest/gtest.h>

// What a suite may come to; skips_test.sh looks at what ctest makes of each. Not tests of their own.
namespace {

TEST(AllFailed, First) { ADD_FAILURE(); }
TEST(AllFailed, Second) { ADD_FAILURE(); }
TEST(AllSkipped, First) { GTEST_SKIP() << "there is no GPU"; }
TEST(AllSkipped, Second) { GTEST_SKIP() << "there is no GPU"; }
TEST(SomeSkipped, First) { GTEST_SKIP() << "there is no second GPU"; }
TEST(SomeSkipped, Second) { SUCCEED(); }
TEST(SkippedAndFailed, First) { ADD_FAILURE(); }
TEST(SkippedAndFailed, Second) { GTEST_SKIP() << "there is no GPU"; }

struct FailsAtItsEnd : ::testing::Test {
  static void TearDownTestSuite() { ADD_FAILURE(); }
};
TEST_F(FailsAtItsEnd, First) { GTEST_SKIP() << "there is no GPU"; }

}  // namespace
