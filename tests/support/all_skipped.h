#pragma once

#include <gtest/gtest.h>

#include <cstdio>

namespace rensa::testing {

/// True if tests were skipped, and none passed or failed. GoogleTest's last lines do not tell: "[  PASSED  ] 0 tests."
/// also ends a run in which every test failed.
inline bool all_were_skipped() {
  const ::testing::UnitTest& run = *::testing::UnitTest::GetInstance();
  return run.Passed() && run.successful_test_count() == 0 && run.skipped_test_count() > 0;
}

/// The line by which ctest (cmake/DiscoverSuites.cmake, RensaTests.cmake) and scripts/gpu/run know such a run.
inline void say_that_all_were_skipped() {
  std::puts("RENSA: ALL SKIPPED");
  std::fflush(stdout);
}

}  // namespace rensa::testing
