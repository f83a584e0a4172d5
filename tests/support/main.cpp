#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/all_skipped.h"

// The main of all test programs but mpi_test.
int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  const int status = RUN_ALL_TESTS();
  if (status == 0 && rensa::testing::all_were_skipped()) rensa::testing::say_that_all_were_skipped();
  return status;
}
