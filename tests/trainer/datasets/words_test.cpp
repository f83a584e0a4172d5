#include "trainer/datasets/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/data_folder.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(VocabularyTest, NumbersWordsInTheOrderInWhichTheyCome) {
  Vocabulary vocabulary;
  EXPECT_EQ(vocabulary.add("the"), 0);
  EXPECT_EQ(vocabulary.add("a word longer than those that a string keeps within itself"), 1);
  EXPECT_EQ(vocabulary.add("the"), 0);
  EXPECT_EQ(vocabulary.size(), 2);
  EXPECT_EQ(vocabulary.find("the"), 0);
  EXPECT_EQ(vocabulary.find("cat"), std::nullopt);
  EXPECT_THAT([&] { vocabulary.word(2); }, ThrowsMessage<IndexError>(HasSubstr("one of 2 words, found 2")));
}

TEST(VocabularyTest, KnowsItsWordsAfterAMove) {
  Vocabulary first;
  for (int i = 0; i < 1000; ++i) first.add(std::to_string(i));
  Vocabulary second = std::move(first);
  EXPECT_EQ(second.find("999"), 999);
  EXPECT_EQ(second.word(7), "7");
  EXPECT_EQ(second.add("new"), 1000);
}

TEST(ReadWordsTest, EndsLinesWithAWord) {
  const testing::ScratchFolder folder;
  std::ofstream(folder / "text") << " the cat \n\nsaw\tthe dog";
  Vocabulary vocabulary;
  EXPECT_THAT(read_words(folder / "text", vocabulary), ElementsAre(0, 1, 2, 2, 3, 0, 4, 2));
  EXPECT_THAT(vocabulary.words(), ElementsAre("the", "cat", "<eos>", "saw", "dog"));
  EXPECT_THAT(read_words(folder / "text", vocabulary, ""), ElementsAre(0, 1, 3, 0, 4));
}

TEST(ReadWordsTest, NamesAFileThatIsMissing) {
  Vocabulary vocabulary;
  EXPECT_THAT([&] { read_words("/nowhere/text", vocabulary); }, ThrowsMessage<FileError>(HasSubstr("/nowhere/text")));
}

/// Words and ends of lines, as `wc` counts them.
TEST(PennTreebankTest, HasAWordForEachEndOfALine) {
  const std::string folder = testing::data_folder("text");
  if (folder.empty()) GTEST_SKIP() << "there is no folder text under $RENSA_DATA";
  const PennTreebank text = read_penn_treebank(folder);
  EXPECT_EQ(text.train.size(), 929589u);
  EXPECT_EQ(text.valid.size(), 73760u);
  EXPECT_EQ(text.test.size(), 82430u);
  EXPECT_EQ(text.vocabulary.size(), 10000);
  EXPECT_EQ(text.vocabulary.word(text.train[0]), "aer");
}

}  // namespace
}  // namespace rensa
