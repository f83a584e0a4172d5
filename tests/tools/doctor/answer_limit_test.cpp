#include "tools/doctor/answer_limit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <thread>

namespace rensa::tools::doctor {
namespace {

TEST(AnswerLimitTest, AnyTimeIsWaitedFor) {
  for (const double limit_s : {1e12, std::numeric_limits<double>::infinity()}) {
    const AnswerLimit limit(limit_s, {});  // one that had passed would end this process
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace
}  // namespace rensa::tools::doctor
