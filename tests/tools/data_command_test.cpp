#include "tools/data_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/picture_table.h"
#include "trainer/images/jpeg_reader.h"

namespace rensa::tools {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int status;
  std::string out, err;
};

Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), "data");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int status = data_command(static_cast<int>(words.size()), argv.data());
  std::string out = ::testing::internal::GetCapturedStdout();
  return {status, std::move(out), ::testing::internal::GetCapturedStderr()};
}

TEST(DataCommandTest, MakesPictures) {
  const rensa::testing::ScratchFolder scratch;
  const Outcome outcome = run({"pictures", "--out", scratch / "set", "--classes", "2", "--train-per-class", "2",
                               "--val-per-class", "1", "--min-size", "16", "--max-size", "20"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(scratch / "set/train/bricks/0001.jpg"));
  EXPECT_TRUE(std::filesystem::exists(scratch / "set/val/bubbles/0000.jpg"));
}
TEST(DataCommandTest, PacksAFolderAsShards) {
  const rensa::testing::ScratchFolder scratch;
  run({"pictures", "--out", scratch / "set", "--classes", "2", "--train-per-class", "3", "--val-per-class", "1",
       "--min-size", "16", "--max-size", "20"});
  const Outcome outcome = run({"pack", "--in", scratch / "set", "--out", scratch / "shards"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("wrote 6 pictures in 1 shards and 2 in 1"));
  for (const char* file : {"train-000000.tar", "val-000000.tar", "classes.txt"}) {
    EXPECT_TRUE(std::filesystem::exists(scratch / ("shards/" + std::string(file)))) << file;
  }
  EXPECT_EQ(run({"pack", "--in", scratch / "absent", "--out", scratch / "none"}).status, 1);
  EXPECT_EQ(run({"pack", "--in", scratch / "set"}).status, 2);
}
TEST(DataCommandTest, ShardsAreNotPackedIntoTheirOwnFolder) {
  const rensa::testing::ScratchFolder scratch;
  run({"pictures", "--out", scratch / "set", "--classes", "2", "--train-per-class", "1", "--val-per-class", "1",
       "--min-size", "16", "--max-size", "20"});
  EXPECT_EQ(run({"pack", "--in", scratch / "set", "--out", scratch / "shards"}).status, 0);
  const Outcome own = run({"pack", "--in", scratch / "shards", "--out", scratch / "set/../shards"});
  EXPECT_EQ(own.status, 1);
  EXPECT_THAT(own.err, HasSubstr("holds the shards train-*.tar that are to be packed"));
  EXPECT_EQ(run({"pack", "--in", scratch / "shards", "--out", scratch / "others"}).status, 0);
  EXPECT_EQ(run({"pack", "--in", scratch / "set", "--out", scratch / "set"}).status,
            0);  // folders are read, not shards
  EXPECT_EQ(run({"pack", "--in", scratch / "set", "--out", scratch / "set"}).status, 0);
}
TEST(DataCommandTest, MakesCifarsFilesOfSmallPictures) {
  const rensa::testing::ScratchFolder scratch;
  run({"pictures", "--out", scratch / "set", "--classes", "5", "--train-per-class", "6", "--val-per-class", "2",
       "--min-size", "32", "--max-size", "32"});
  std::filesystem::rename(scratch / "set/val", scratch / "set/test");
  const Outcome outcome = run({"cifar", "--in", scratch / "set", "--out", scratch / "bin"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const PictureTable train = read_cifar10_folder(scratch / "bin", Split::kTrain);
  EXPECT_EQ(train.count(), 30);
  EXPECT_EQ(train.class_names, open_image_folder(scratch / "set/train")->class_names());
  EXPECT_EQ(std::count(train.labels.begin(), train.labels.end(), 1), 6);
  const PictureTable test = read_cifar10_folder(scratch / "bin", Split::kTest);
  ASSERT_EQ(test.count(), 10);
  const images::Image first = images::read_jpeg(open_image_folder(scratch / "set/test")->name(0));
  EXPECT_TRUE(std::equal(first.row(0), first.row(0) + first.bytes(), test.pixels.begin()));
  run({"pictures", "--out", scratch / "large", "--classes", "2", "--train-per-class", "1", "--val-per-class", "1"});
  std::filesystem::rename(scratch / "large/val", scratch / "large/test");
  EXPECT_THAT(run({"cifar", "--in", scratch / "large", "--out", scratch / "no"}).err, HasSubstr("expected 32 x 32"));
}
TEST(DataCommandTest, HelpNamesEveryFormOfPhotographs) {
  EXPECT_THAT(run({"pack", "--help"}).out, HasSubstr("train-*.tar"));
}
TEST(DataCommandTest, HelpListsTheDefaults) {
  const Outcome outcome = run({"pictures", "--help"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("--train-per-class arg (=120)"));
}
TEST(DataCommandTest, WrongUsageHasStatusTwo) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"photos"}).status, 2);
  EXPECT_THAT(run({"photos"}).err, HasSubstr("photos"));
  EXPECT_EQ(run({"pictures"}).status, 2);
  EXPECT_THAT(run({"pictures"}).err, HasSubstr("--out"));
  EXPECT_THAT(run({"pictures", "--out", "x", "--clases", "3"}).err, HasSubstr("--clases"));
}
TEST(DataCommandTest, FailureHasStatusOneAndAReason) {
  const Outcome outcome = run({"pictures", "--out", "/proc/none", "--classes", "2"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("/proc/none"));
  EXPECT_EQ(run({"pictures", "--out", "x", "--classes", "99"}).status, 1);
}

}  // namespace
}  // namespace rensa::tools
