#include "comm/clock_alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "comm/shm/thread_group.h"

namespace rensa {
namespace {

TEST(ClockAlignmentTest, FindsPlantedSkewsWithinTheErrorItNames) {
  run_on_threads(4, [](Communicator& comm) {
    const std::int64_t skew = std::int64_t{3'700'000'001} * comm.rank() * (comm.rank() % 2 == 0 ? 1 : -1);
    const ClockOffset offset = measure_clock_offset(comm, [skew] { return steady_nanoseconds() + skew; });
    EXPECT_LE(std::abs(offset.offset_ns + skew), offset.error_ns + 1) << "rank " << comm.rank();
    EXPECT_EQ(comm.rank() == 0, offset.error_ns == 0);
    const AlignedClock clock(offset);
    const std::int64_t now = steady_nanoseconds();
    EXPECT_LE(std::abs(clock.on_rank_0(now + skew) - now), offset.error_ns + 1);
  });
}

TEST(ClockAlignmentTest, TakesTheDriftBetweenTwoMeasurementsIntoAccount) {
  // own clock 20 ppm slow: in 10 s rank 0's gains 200 us
  const AlignedClock clock({.at_ns = 1'000'000'000, .offset_ns = 500, .error_ns = 10},
                           {.at_ns = 11'000'000'000, .offset_ns = 200'500, .error_ns = 10});
  EXPECT_NEAR(clock.drift_ppm(), 20, 1e-9);
  EXPECT_EQ(clock.on_rank_0(1'000'000'000), 1'000'000'500);
  EXPECT_EQ(clock.on_rank_0(6'000'000'000), 6'000'100'500);
  EXPECT_EQ(clock.on_rank_0(11'000'000'000), 11'000'200'500);
}

TEST(ClockAlignmentTest, TwoMeasurementsTooCloseTellNoDrift) {
  const AlignedClock clock({.at_ns = 1'000, .offset_ns = 0, .error_ns = 5'000},
                           {.at_ns = 2'000, .offset_ns = 4'000, .error_ns = 5'000});
  EXPECT_EQ(clock.drift_ppm(), 0);
  EXPECT_EQ(clock.on_rank_0(5'000), 5'000);
}

}  // namespace
}  // namespace rensa
