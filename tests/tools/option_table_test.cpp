#include "tools/options/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "tests/support/scratch_folder.h"

namespace rensa::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Options {
  int epoch = 5;
  double lr = 0.1, timeout = 300;
  bool overlap = true, json = false;
  std::string arch = "mlp";
  std::vector<double> milestones;
  std::vector<std::string> freeze = {"a", "b"};
};

class OptionTableTest : public ::testing::Test {
 protected:
  bool parse(std::vector<std::string> arguments, std::vector<std::string>* positional = nullptr) {
    OptionTable table("usage: test");
    table.add("epoch", options_.epoch, "epochs to train", {.min = 1, .max = 100});
    table.add("lr", options_.lr, "learning rate", {.min = 0, .above_min = true});
    table.add("overlap", options_.overlap, "overlap");
    table.add("json", options_.json, "JSON");
    table.add("arch", options_.arch, "network", {.choices = {"mlp", "resnet18"}});
    table.add("milestones", options_.milestones, "epochs", {.min = 0, .above_min = true});
    table.add("timeout", options_.timeout, "seconds", {.min = 0, .finite = false});
    table.add("freeze", options_.freeze, "patterns");
    arguments.insert(arguments.begin(), "test");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    const bool goes_on = table.parse(static_cast<int>(argv.size()), argv.data(), out_, positional);
    values_ = table.values();
    for (const OptionValue& option : values_) {
      if (table.is_given(option.key)) given_.push_back(option.key);
    }
    return goes_on;
  }
  void expect_refused(const std::vector<std::string>& arguments, const std::string& text) {
    EXPECT_THAT([&] { parse(arguments); }, ThrowsMessage<ConfigError>(HasSubstr(text)));
  }

  Options options_;
  std::vector<OptionValue> values_;
  std::vector<std::string> given_;
  std::ostringstream out_;
};

TEST_F(OptionTableTest, ReadsTheCommandLine) {
  EXPECT_TRUE(parse({"--epoch", "7", "--lr=0.5", "--overlap", "false", "--arch", "resnet18", "--milestones", "3,6.5",
                     "--freeze", "l1/*, l2/*", "--json"}));
  EXPECT_EQ(options_.epoch, 7);
  EXPECT_EQ(options_.lr, 0.5);
  EXPECT_FALSE(options_.overlap);
  EXPECT_TRUE(options_.json);
  EXPECT_EQ(options_.arch, "resnet18");
  EXPECT_THAT(options_.milestones, ElementsAre(3, 6.5));
  EXPECT_THAT(options_.freeze, ElementsAre("l1/*", "l2/*"));
}

TEST_F(OptionTableTest, TheCommandLineOverridesTheFile) {
  rensa::testing::ScratchFolder folder;
  std::ofstream(folder / "x.cfg") << "# a comment\nepoch = 9   # another\n\nlr=0.25\n";
  EXPECT_TRUE(parse({"--epoch", "3", "--config", folder / "x.cfg"}));
  EXPECT_EQ(options_.epoch, 3);
  EXPECT_EQ(options_.lr, 0.25);
}

TEST_F(OptionTableTest, TellsWhatEveryKeyIsAndWhichHaveAValueOfTheirOwn) {
  parse({"--epoch", "9", "--milestones", "1,2.5", "--overlap", "true"});
  std::string own;
  for (const OptionValue& option : values_) {
    if (!option.is_default) own += option.key + " = " + option.value + '\n';
  }
  EXPECT_EQ(own, "epoch = 9\nmilestones = 1,2.5\n");
  EXPECT_EQ(values_.size(), 8u);
  EXPECT_EQ(values_.back().value, "a,b");
}

TEST_F(OptionTableTest, TellsWhichKeysWereGivenBeItTheirDefaults) {
  rensa::testing::ScratchFolder folder;
  std::ofstream(folder / "x.cfg") << "lr = 0.1\n";
  parse({"--config", folder / "x.cfg", "--arch", "mlp"});
  EXPECT_THAT(given_, ElementsAre("lr", "arch"));
}

TEST_F(OptionTableTest, TellsNumbersWithAllTheirDigits) {
  parse({"--lr", "0.1000000001", "--milestones", "100000,0.3"});
  EXPECT_EQ(values_[1].value, "0.1000000001");
  EXPECT_FALSE(values_[1].is_default);
  EXPECT_EQ(values_[5].value, "100000,0.3");
}

TEST_F(OptionTableTest, HelpListsEveryKeyWithItsDefault) {
  EXPECT_FALSE(parse({"--help"}));
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("\n  --epoch (=5)        epochs to train\n"), HasSubstr("(=a,b)"),
                                HasSubstr("network: mlp, resnet18")));
}

TEST_F(OptionTableTest, HelpHasHeadlinesAndStaysWithin80Columns) {
  OptionTable table("usage: test");
  int number = 3;
  std::string long_default = "a default that is longer than its column", words;
  for (int i = 0; i < 20; ++i) words += "words… ";
  table.heading("The run");
  table.add("number", number, words);
  table.heading("Data");
  table.add("text", long_default, "short");
  std::string program = "test", help = "--help";
  char* argv[] = {program.data(), help.data()};
  EXPECT_FALSE(table.parse(2, argv, out_));
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("\nThe run\n  --number (=3)"), HasSubstr("\nData\n  --text (=a default"),
                                HasSubstr("\n" + std::string(32, ' ') + "short\n")));
  std::istringstream lines(out_.str());
  for (std::string line; std::getline(lines, line);) {
    std::size_t letters = 0;
    for (const char c : line) letters += (c & 0xC0) != 0x80 ? 1 : 0;
    EXPECT_LE(letters, 80u) << line;
  }
}

TEST_F(OptionTableTest, NamesTheNearestKeyAndTheLine) {
  expect_refused({"--epohc", "3"}, "did you mean \"epoch\"?");
  expect_refused({"--something_else", "3"}, "--help lists them");
  rensa::testing::ScratchFolder folder;
  std::ofstream(folder / "x.cfg") << "epoch = 9\nlrr = 1\n";
  expect_refused({"--config", folder / "x.cfg"}, "x.cfg:2: unknown key \"lrr\"; did you mean \"lr\"?");
  std::ofstream(folder / "y.cfg") << "\nepoch 9\n";
  expect_refused({"--config", folder / "y.cfg"}, "y.cfg:2: expected \"key = value\"");
  expect_refused({"--config", folder.path().string()}, "is a folder, expected a configuration file");
}

TEST_F(OptionTableTest, RefusesValuesThatDoNotFit) {
  expect_refused({"--epoch", "0"}, "epoch: 0 is out of range, expected 1 to 100");
  expect_refused({"--epoch", "3.5"}, "not a whole number");
  expect_refused({"--lr", "0"}, "expected above 0");
  expect_refused({"--lr", "fast"}, "not a number");
  expect_refused({"--overlap", "maybe"}, "neither true nor false");
  expect_refused({"--arch", "vgg"}, "not one of: mlp, resnet18");
  expect_refused({"--milestones", "3,x"}, "not a number");
  expect_refused({"--epoch"}, "needs a value");
  expect_refused({"stray"}, "not expected here");
}

TEST_F(OptionTableTest, RefusesWhatIsNotFiniteUnlessItMayBe) {
  expect_refused({"--lr", "inf"}, "lr: inf is out of range, expected a finite number, above 0");
  expect_refused({"--lr", "nan"}, "lr: nan is out of range");
  expect_refused({"--milestones", "3,inf"}, "milestones: inf is out of range");
  expect_refused({"--milestones=-1"}, "milestones: -1 is out of range, expected above 0");
  expect_refused({"--timeout", "nan"}, "timeout: nan is out of range");
  EXPECT_TRUE(parse({"--timeout", "inf"}));
  EXPECT_TRUE(std::isinf(options_.timeout));
}

TEST_F(OptionTableTest, GivesArgumentsWithoutAKeyToWhoAsksForThem) {
  std::vector<std::string> files;
  EXPECT_TRUE(parse({"a.jpg", "--epoch", "2", "b.jpg"}, &files));
  EXPECT_THAT(files, ElementsAre("a.jpg", "b.jpg"));
}

}  // namespace
}  // namespace rensa::tools
