#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/html_report.h"
#include "trainer/extensions/line_chart.h"
#include "trainer/extensions/log_report.h"
#include "trainer/extensions/observe_value.h"
#include "trainer/extensions/print_report.h"
#include "trainer/extensions/progress_bar.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/trainer.h"
#include "trainer/triggers/moments.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::DoubleEq;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

using testing::CountingUpdater;

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(PrintReportTest, PrintsATableWithOneLineForEachEntry) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {3, Unit::kEpoch}, folder / "out", self);
  trainer.extend(std::make_unique<LogReport>(Trigger{1, Unit::kEpoch}));
  std::ostringstream out;
  trainer.extend(
      std::make_unique<PrintReport>(std::vector<std::string>{"epoch", "iteration", "main/loss", "absent"}, out));
  trainer.run();
  EXPECT_EQ(out.str(),
            "epoch       iteration   main/loss   absent      \n"
            "1           10          5.5                     \n"
            "2           20          15.5                    \n"
            "3           30          25.5                    \n");
}

TEST(PrintReportTest, PrintsEntriesThatCameBetweenItsTurnsAndNoneOfAResumedRunsOldOnes) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  const auto table = [&](double epochs, const std::string& from) {
    CountingUpdater updater;
    Trainer trainer(updater, {epochs, Unit::kEpoch}, folder / "out", self);
    trainer.extend(std::make_unique<LogReport>(Trigger{5, Unit::kIteration}));
    std::ostringstream out;
    trainer.extend(std::make_unique<PrintReport>(std::vector<std::string>{"iteration"}, out),
                   {.trigger = Trigger{1, Unit::kEpoch}});
    trainer.extend(std::make_unique<Snapshot>(SnapshotOptions{.trigger = {5, Unit::kIteration}}));
    if (!from.empty()) resume(trainer, from);
    trainer.run();
    return out.str();
  };
  EXPECT_EQ(table(2, ""), "iteration   \n5           \n10          \n15          \n20          \n");
  EXPECT_EQ(table(3, newest_snapshot(folder / "out")), "iteration   \n25          \n30          \n");
}

TEST(LogReportTest, HoldsWhatWasReportedBeforeTheFirstStep) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {1, Unit::kIteration}, folder / "out", self);
  trainer.extend(std::make_unique<ObserveValue>("value", [](Trainer&) { return 7; }),
                 {.priority = Extension::kWriter, .call_before_training = true});
  const auto& log = dynamic_cast<LogReport&>(
      trainer.extend(std::make_unique<LogReport>(Trigger{1, Unit::kIteration}), {.call_before_training = true}));
  trainer.run();
  ASSERT_EQ(log.log().size(), 2u);
  EXPECT_EQ(log.log()[0].at("iteration"), 0);
  EXPECT_EQ(log.log()[0].at("value"), 7);
}

TEST(ProgressBarTest, WritesALineEveryTenthToAFileOnRank0) {
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    const std::string path = folder / ("bar" + std::to_string(comm.rank()));
    std::FILE* file = std::fopen(path.c_str(), "w");
    CountingUpdater updater;
    Trainer trainer(updater, {20, Unit::kIteration}, folder / "out", comm);
    trainer.extend(std::make_unique<ProgressBar>(file));
    trainer.run();
    std::fclose(file);
  });
  std::istringstream lines(content(folder / "bar0"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_THAT(line, AllOf(HasSubstr(" %  epoch "), HasSubstr(" images/s  0:00:00 left")));
  }
  EXPECT_EQ(count, 10);
  EXPECT_THAT(content(folder / "bar0"), HasSubstr("[##############################] 100.0 %  epoch 2.00"));
  EXPECT_THAT(content(folder / "bar1"), IsEmpty());
}

TEST(ProgressBarTest, ShowsEpochsAloneWhereARuleEndsTheRun) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  std::FILE* file = std::fopen((folder / "bar").c_str(), "w");
  CountingUpdater updater;
  Trainer trainer(updater, manual_schedule({25}, Unit::kIteration), folder / "out", self);
  trainer.extend(std::make_unique<ProgressBar>(file));
  trainer.run();
  std::fclose(file);
  std::istringstream lines(content(folder / "bar"));
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) found.push_back(line);
  EXPECT_THAT(found, ElementsAre(StartsWith("epoch 1.00  "), StartsWith("epoch 2.00  ")));
  EXPECT_THAT(found, Each(AllOf(EndsWith(" images/s"), Not(HasSubstr("%")))));
}

TEST(HtmlReportTest, DrawsALineForEachNameAndATable) {
  const std::string page =
      html_page("<run> & more", {{{"epoch", 1}, {"main/loss", 2.5}, {"validation/main/loss", 3.25}},
                                 {{"epoch", 2}, {"main/loss", 1.5}, {"validation/main/loss", 2.75}}});
  EXPECT_THAT(page,
              AllOf(HasSubstr("&lt;run&gt; &amp; more"), HasSubstr("<h2>loss</h2>"), HasSubstr("main/loss (last 1.5)"),
                    HasSubstr("validation/main/loss (last 2.75)"), HasSubstr("<td>3.25</td>")));
  EXPECT_THAT(page, Not(AnyOf(HasSubstr("<run>"), HasSubstr("http"), HasSubstr("<script"))));
  std::size_t curves = 0;
  for (std::size_t at = 0; (at = page.find("<polyline", at)) != std::string::npos; ++at) ++curves;
  EXPECT_EQ(curves, 2u);
}

TEST(HtmlReportTest, ShowsSectionsAndFoldsThoseThatFewReadersWant) {
  const std::string page = html_page("run", {{{"epoch", 1}, {"main/loss", 1}}},
                                     {{.title = "Environment", .rows = {{"host", "a<b"}}},
                                      {.title = "Defaults", .rows = {{"seed", "0"}}, .folded = true}});
  EXPECT_THAT(page, HasSubstr("<h2>Environment</h2>"));
  EXPECT_THAT(page, HasSubstr("<tr><th>host</th><td>a&lt;b</td></tr>"));
  EXPECT_THAT(page, HasSubstr("<details><summary>Defaults</summary>"));
  EXPECT_THAT(page, HasSubstr("<circle"));  // one entry: a line would show nothing
}

TEST(HtmlReportTest, BeginsWithLossAccuracyAndThroughput) {
  const std::string page = html_page("run", {{{"epoch", 1},
                                              {"a", 1},
                                              {"main/accuracy", 1},
                                              {"main/loss", 1},
                                              {"images_per_second", 100},
                                              {"input/time_ms", 2},
                                              {"wait/time_ms", 3}}});
  const std::size_t loss = page.find("<h2>loss"), accuracy = page.find("<h2>accuracy"),
                    throughput = page.find("<h2>throughput"), times = page.find("<h2>where a step"),
                    rest = page.find("<h2>a<");
  EXPECT_LT(loss, accuracy);
  EXPECT_LT(accuracy, throughput);
  EXPECT_LT(throughput, times);
  EXPECT_LT(times, rest);
  EXPECT_NE(rest, std::string::npos);
}

TEST(LineChartTest, LevelsAreRoundAndInsideTheRange) {
  EXPECT_THAT(round_levels(0.13, 2.31, 5), ElementsAre(DoubleEq(0.5), DoubleEq(1), DoubleEq(1.5), DoubleEq(2)));
  EXPECT_THAT(round_levels(1, 12, 6), ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_THAT(round_levels(3, 3, 5), ElementsAre(3));
  EXPECT_THAT(round_levels(1.0 / 2100, std::nextafter(1.0 / 2100, 1), 5), ElementsAre(1.0 / 2100));
  EXPECT_THAT(round_levels(0, 5e-324, 5), Not(IsEmpty()));
  EXPECT_THAT(round_levels(-1e308, 1e308, 5), Not(IsEmpty()));
  EXPECT_THAT(round_levels(-1, 1, 4), ElementsAre(-1, -0.5, 0, 0.5, 1));
  EXPECT_THAT(round_levels(0.31, 0.32, 1), Not(IsEmpty()));
}

TEST(HtmlReportTest, LeavesOutWhatIsNotANumber) {
  const std::string page =
      html_page("run", {{{"epoch", 1}, {"main/loss", std::nan("")}}, {{"epoch", 2}, {"main/loss", 1}}});
  const std::size_t points = page.find("points=\"");
  ASSERT_NE(points, std::string::npos);
  EXPECT_THAT(page.substr(points, page.find("/>", points) - points), Not(HasSubstr("nan")));
  EXPECT_THAT(html_page("run", {}), HasSubstr("</html>"));
}

TEST(TrainerExtensionsTest, RefusesATakenNameAndNamesAMissingOne) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  CountingUpdater updater;
  Trainer trainer(updater, {1, Unit::kEpoch}, folder / "out", self);
  trainer.extend(std::make_unique<LogReport>());
  EXPECT_THAT([&] { trainer.extend(std::make_unique<LogReport>(), {.name = "LogReport"}); },
              ThrowsMessage<ValueError>(HasSubstr("\"LogReport\"")));
  trainer.extend(std::make_unique<LogReport>(), {.name = "second"});
  EXPECT_THAT([&] { trainer.extension("third"); }, ThrowsMessage<ValueError>(HasSubstr("\"third\"")));
}

}  // namespace
}  // namespace rensa
