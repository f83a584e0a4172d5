#include "trainer/extensions/data_bound_warning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Steps whose phases have the lengths that a test says.
class TimedUpdater final : public testing::CountingUpdater {
 public:
  TimedUpdater(int input_ms, int compute_ms) : input_ms_(input_ms), compute_ms_(compute_ms) {}
  std::vector<Span> last_spans() const override {
    const auto start = Span::Clock::time_point();
    const auto ready = start + std::chrono::milliseconds(input_ms_);
    return {{Span::Phase::kInput, start, ready},
            {Span::Phase::kForward, ready, ready + std::chrono::milliseconds(compute_ms_)}};
  }

 private:
  const int input_ms_, compute_ms_;
};

/// What is said in three epochs of two ranks, of which rank 1 waits so long for each batch of a step of 100 ms.
std::vector<std::string> said(int waits_ms) {
  const rensa::testing::ScratchFolder folder;
  std::vector<std::string> lines;
  run_on_threads(2, [&](Communicator& comm) {
    const int waits = comm.rank() == 1 ? waits_ms : 1;
    TimedUpdater updater(waits, 100 - waits);
    Trainer trainer(updater, {3, Unit::kEpoch}, folder.path().string(), comm);
    trainer.extend(std::make_unique<DataBoundWarning>(DataBoundOptions{.advice = [] { return "Raise it."; }},
                                                      [&](const std::string& line) { lines.push_back(line); }));
    trainer.run();
  });
  return lines;
}

TEST(DataBoundWarningTest, SaysOnceHowLongTheRankThatWaitsMostWaits) {
  EXPECT_THAT(said(40), ElementsAre(AllOf(HasSubstr("40 ms of each step"), HasSubstr("40 %"), HasSubstr("Raise it."))));
}

TEST(DataBoundWarningTest, SaysNothingWhereTheLoaderKeepsUp) { EXPECT_THAT(said(5), IsEmpty()); }

}  // namespace
}  // namespace rensa
