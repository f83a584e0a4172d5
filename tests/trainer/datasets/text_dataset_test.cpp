#include "trainer/datasets/text_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The lengths of the lines.
Example lengths(TextDataset::Lines lines) {
  Example example;
  for (const std::string& line : lines) example.push_back(full({1}, static_cast<double>(line.size())));
  return example;
}

class TextDatasetTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  testing::ScratchFolder folder_;
};

TEST_F(TextDatasetTest, ReadsLineIOfEachFile) {
  const TextDataset text({file("en", "one\n\nthree"), file("de", "eins\r\nzwei\ndrei\n")}, lengths);
  ASSERT_EQ(text.size(), 3);
  EXPECT_THAT(text.lines(0), ElementsAre("one", "eins"));
  EXPECT_THAT(text.lines(1), ElementsAre("", "zwei"));
  EXPECT_THAT(text.lines(2), ElementsAre("three", "drei"));
  const Example example = text.get(2, {});
  EXPECT_EQ(example[0].item<float>(), 5);
  EXPECT_EQ(example[1].item<float>(), 4);
}

TEST_F(TextDatasetTest, TakesTheLinesThatAFilterTakes) {
  const TextDataset text({file("text", "a\n\nb\n\n")}, lengths,
                         [](TextDataset::Lines lines) { return !lines[0].empty(); });
  ASSERT_EQ(text.size(), 2);
  EXPECT_THAT(text.lines(1), ElementsAre("b"));
  EXPECT_THAT([&] { text.lines(2); }, ThrowsMessage<IndexError>(HasSubstr("2")));
}

TEST_F(TextDatasetTest, IsReadBySeveralThreadsAtOnce) {
  std::string all;
  for (int i = 0; i < 500; ++i) all += std::string(static_cast<std::size_t>(i), 'x') + "\n";
  const TextDataset text({file("text", all)}, lengths);
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&text, &count] {
      for (std::int64_t i = 0; i < text.size(); ++i) count += std::ssize(text.lines(i)[0]) != i;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

TEST_F(TextDatasetTest, RefusesFilesThatDoNotFit) {
  const std::string two = file("two", "a\nb\n"), three = file("three", "a\nb\nc");
  EXPECT_THAT([&] { TextDataset({two, three}, lengths); }, ThrowsMessage<FileError>(HasSubstr("found 2 in " + two)));
  EXPECT_THAT([&] { TextDataset({folder_ / "none"}, lengths); }, ThrowsMessage<FileError>(HasSubstr("none")));
  EXPECT_THROW(TextDataset({}, lengths), ValueError);
  EXPECT_THROW(TextDataset({two}, nullptr), ValueError);
}

TEST_F(TextDatasetTest, SaysThatAFileHasBecomeShorter) {
  const TextDataset text({file("text", "first\nsecond\n")}, lengths);
  std::filesystem::resize_file(folder_ / "text", 8);
  EXPECT_THAT(text.lines(0), ElementsAre("first"));
  EXPECT_THAT([&] { text.lines(1); }, ThrowsMessage<FileError>(HasSubstr("line 2 is cut short")));
}

}  // namespace
}  // namespace rensa
