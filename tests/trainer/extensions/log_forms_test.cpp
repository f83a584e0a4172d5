#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/crc.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/trainer/counting_updater.h"
#include "trainer/extensions/json_lines.h"
#include "trainer/extensions/plot_report.h"
#include "trainer/extensions/prometheus_file.h"
#include "trainer/extensions/snapshot.h"
#include "trainer/extensions/tensorboard_writer.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using testing::CountingUpdater;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Three epochs of counting on each rank of `comm`, with all forms of the log.
void run_with_all_forms(const std::string& out, Communicator& comm, double epochs = 3, const std::string& from = "") {
  CountingUpdater updater;
  Trainer trainer(updater, {epochs, Unit::kEpoch}, out, comm);
  trainer.extend(std::make_unique<LogReport>());
  trainer.extend(std::make_unique<JsonLines>());
  trainer.extend(std::make_unique<PrometheusFile>());
  trainer.extend(std::make_unique<TensorboardWriter>());
  trainer.extend(std::make_unique<PlotReport>(std::vector<std::string>{"main/loss", "absent"}));
  trainer.extend(std::make_unique<Snapshot>());
  if (!from.empty()) resume(trainer, from);
  trainer.run();
}

std::vector<double> losses_in_lines(const std::string& path) {
  std::istringstream lines(content(path));
  std::vector<double> losses;
  for (std::string line; std::getline(lines, line);) losses.push_back(nlohmann::json::parse(line).at("main/loss"));
  return losses;
}

TEST(JsonLinesTest, HasALineForEachEntryAndNoneTwiceAfterAResume) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run_with_all_forms(folder / "out", self, 3);
  EXPECT_THAT(losses_in_lines(folder / "out/log.jsonl"), ElementsAre(5.5, 15.5, 25.5));
  run_with_all_forms(folder / "out", self, 4, folder / "out/snapshot_iter_20");
  EXPECT_THAT(losses_in_lines(folder / "out/log.jsonl"), ElementsAre(5.5, 15.5, 25.5, 35.5));
}

TEST(PrometheusFileTest, IsThePageThatTheFormatAsksFor) {
  EXPECT_EQ(prometheus_page("a \"run\"\\\n", {{"main/loss", 0.5}, {"x", std::nan("")}, {"y", INFINITY}}),
            "# HELP rensa_observed What a training run observed, as means since its last log entry.\n"
            "# TYPE rensa_observed gauge\n"
            "rensa_observed{run=\"a \\\"run\\\"\\\\\\n\",name=\"main/loss\"} 0.5\n"
            "rensa_observed{run=\"a \\\"run\\\"\\\\\\n\",name=\"x\"} NaN\n"
            "rensa_observed{run=\"a \\\"run\\\"\\\\\\n\",name=\"y\"} +Inf\n");
  const testing::ScratchFolder folder;
  run_on_threads(2, [&](Communicator& comm) { run_with_all_forms(folder / "out", comm); });
  EXPECT_THAT(content(folder / "out/metrics.prom"),
              AllOf(HasSubstr("{run=\"out\",name=\"main/loss\"} 25.5\n"), HasSubstr("name=\"iteration\"} 30\n")));
}

TEST(PlotReportTest, DrawsTheKeysThatAreThere) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run_with_all_forms(folder / "out", self);
  const std::string picture = content(folder / "out/plot.svg");
  EXPECT_THAT(picture, AllOf(HasSubstr("<svg xmlns=\"http://www.w3.org/2000/svg\""), HasSubstr("<polyline"),
                             HasSubstr("main/loss (last 25.5)"), HasSubstr("iteration 30"), Not(HasSubstr("absent"))));
  EXPECT_THAT([] { PlotReport({"main/loss"}, "time"); }, ThrowsMessage<ValueError>(HasSubstr("elapsed_time")));
}

std::uint32_t crc32c(const std::string& bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

TEST(TensorboardWriterTest, RecordsHaveTheLengthAndTheMaskedChecksums) {
  ASSERT_EQ(crc32c("123456789"), 0xE3069283U);  // the check value of CRC-32C
  const std::string record = tf_record("123456789");
  ASSERT_EQ(record.size(), 8u + 4 + 9 + 4);
  std::uint64_t length = 0;
  std::uint32_t check = 0;
  std::memcpy(&length, record.data(), 8);
  std::memcpy(&check, record.data() + 21, 4);
  EXPECT_EQ(length, 9u);
  EXPECT_EQ(record.substr(12, 9), "123456789");
  EXPECT_EQ(check, 0xC78AB0E5U);  // (E3069283 turned right by 15) + A282EAD8
}

TEST(TensorboardWriterTest, WritesAFileForEachRunWithAllScalars) {
  const testing::ScratchFolder folder;
  SelfCommunicator self;
  run_with_all_forms(folder / "out", self);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "out/tensorboard"))
    files.push_back(entry.path().string());
  ASSERT_EQ(files.size(), 1u);
  EXPECT_THAT(files[0], HasSubstr("events.out.tfevents."));
  const std::string bytes = content(files[0]);
  std::size_t records = 0;
  for (std::size_t at = 0; at < bytes.size(); ++records) {
    std::uint64_t length = 0;
    ASSERT_LE(at + 12, bytes.size());
    std::memcpy(&length, bytes.data() + at, 8);
    at += 16 + length;
    ASSERT_LE(at, bytes.size());
  }
  EXPECT_EQ(records, 4u);  // the version and three entries
  EXPECT_THAT(bytes, AllOf(HasSubstr("brain.Event:2"), HasSubstr("main/loss")));
}

}  // namespace
}  // namespace rensa
