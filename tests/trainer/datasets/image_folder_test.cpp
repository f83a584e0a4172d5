#include "trainer/datasets/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tests/support/data_folder.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/sub_dataset.h"
#include "trainer/images/jpeg_writer.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

/// A folder with classes b and a; the pictures are of one grey each.
class ImageFolderTest : public ::testing::Test {
 protected:
  ImageFolderTest() {
    write("b/1.jpg", 50);
    write("a/2.JPEG", 100);
    write("a/1.jpg", 150);
    write("a/deeper/3.jpeg", 200);
    std::ofstream(scratch_ / "a/notes.txt") << "not a picture";
  }
  void write(const std::string& name, int grey) {
    images::Image image(20, 30);
    std::fill_n(image.row(0), image.bytes(), static_cast<std::uint8_t>(grey));
    fs::create_directories(fs::path(scratch_ / name).parent_path());
    images::write_jpeg(scratch_ / name, image);
  }
  void damage(const std::string& name) { std::ofstream(scratch_ / name) << "<html>not found</html>"; }

  ImageFolderOptions options() {
    ImageFolderOptions o{.train = false, .crop = {.size = 8}, .resize = 8, .normalization = {}};
    o.on_problem = [this](const ImageProblem& problem) { problems_.push_back(problem); };
    return o;
  }
  ImageFolder open(const ImageFolderOptions& o) { return ImageFolder(scratch_.path().string(), o); }
  static int grey(const Dataset& dataset, std::int64_t index) {
    const float value = to_vector<float>(dataset.get(index, {}).at(0)).front();
    return static_cast<int>(std::lround(value * 255));
  }

  rensa::testing::ScratchFolder scratch_;
  std::vector<ImageProblem> problems_;
};

TEST_F(ImageFolderTest, FoldersThatAreLinkedAreReadAndCirclesAreRefused) {
  fs::create_directory_symlink(scratch_ / "a/deeper", scratch_ / "b/linked");
  EXPECT_EQ(open(options()).size(), 5);
  fs::create_directory_symlink(scratch_ / "b", scratch_ / "b/linked/again");
  EXPECT_THAT([&] { open(options()); }, ThrowsMessage<FileError>(HasSubstr("in a circle")));
}

TEST_F(ImageFolderTest, NumbersClassesAndPicturesByName) {
  const ImageFolder folder = open(options());
  EXPECT_THAT(folder.class_names(), ElementsAre("a", "b"));
  ASSERT_EQ(folder.size(), 4);
  EXPECT_EQ(grey(folder, 0), 150);
  EXPECT_EQ(grey(folder, 1), 100);
  EXPECT_EQ(grey(folder, 2), 200);
  EXPECT_EQ(grey(folder, 3), 50);
  EXPECT_EQ(folder.get(2, {}).at(1).item<std::int32_t>(), 0);
  EXPECT_EQ(folder.get(3, {}).at(1).item<std::int32_t>(), 1);
  EXPECT_EQ(folder.get(0, {}).at(0).shape(), (Shape{3, 8, 8}));
}

TEST_F(ImageFolderTest, BadPictureIsReportedOnceAndTheNextOneTakesItsPlace) {
  damage("a/deeper/3.jpeg");
  const ImageFolder folder = open(options());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(grey(folder, 2), 50);
    EXPECT_EQ(folder.get(2, {}).at(1).item<std::int32_t>(), 1);
  }
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_TRUE(problems_[0].bad);
  EXPECT_THAT(problems_[0].file, HasSubstr("3.jpeg"));
  EXPECT_THAT(problems_[0].reason, HasSubstr("HTML"));
  EXPECT_EQ(folder.problems().bad(), 1);
}

TEST_F(ImageFolderTest, AnIteratorThatDoesNotRepeatLeavesABadPictureOut) {
  damage("a/2.JPEG");
  const auto folder = std::make_shared<ImageFolder>(scratch_.path().string(), options());
  for (const int threads : {0, 2}) {
    const auto iterator =
        make_iterator(folder, {.batch_size = 3, .repeat = false, .shuffle = false}, {.threads = threads});
    const Batch first = iterator->next().value();
    EXPECT_THAT(first.indices, ElementsAre(0, 2));
    ASSERT_EQ(first.x().shape(), (Shape{2, 3, 8, 8}));
    EXPECT_EQ(first.x().layout(), Layout::kChannelsLast);
    EXPECT_EQ(std::lround(to_vector<float>(first.x().select(0, 1)).front() * 255), 200);
    EXPECT_THAT(iterator->next()->indices, ElementsAre(3));
    EXPECT_FALSE(iterator->next());
  }
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_TRUE(problems_[0].left_out);
  const auto part = std::make_shared<SubDataset>(folder, std::vector<std::int64_t>{1, 0});
  const auto size_of_first = [&](IteratorOptions o, int threads) {
    o.shuffle = false;
    return make_iterator(part, o, {.threads = threads})->next()->size();
  };
  EXPECT_EQ(size_of_first({.repeat = false}, 1), 0);
  EXPECT_EQ(size_of_first({}, 0), 1);  // training goes on with another
  // the choice is one of its own
  EXPECT_EQ(size_of_first({.replace_missing = false}, 1), 0);
  EXPECT_EQ(size_of_first({.repeat = false, .replace_missing = true}, 0), 1);
}

TEST_F(ImageFolderTest, LastPictureIsReplacedByTheFirst) {
  damage("b/1.jpg");
  EXPECT_EQ(grey(open(options()), 3), 150);
}

TEST_F(ImageFolderTest, APartReplacesABadPictureByOneOfItsOwn) {
  damage("a/2.JPEG");
  const auto folder = std::make_shared<ImageFolder>(scratch_.path().string(), options());
  const auto part = std::make_shared<SubDataset>(folder, std::vector<std::int64_t>{0, 1});
  EXPECT_EQ(grey(*part, 1), 150);
  EXPECT_EQ(grey(SubDataset(part, {1, 0}), 0), 150);
  ASSERT_FALSE(problems_.empty());
  EXPECT_FALSE(problems_[0].left_out);
  EXPECT_THROW(part->get(1, {.may_replace = false}), MissingSample);
  const SubDataset alone(folder, {1});
  EXPECT_THAT([&] { alone.get(0, {}); }, ThrowsMessage<FileError>(AllOf(HasSubstr("a/2.JPEG: cannot be read"),
                                                                        HasSubstr("None of the 1 samples"))));
}

TEST_F(ImageFolderTest, MoreThanMaxBadImagesEndTheRun) {
  damage("a/1.jpg");
  damage("b/1.jpg");
  ImageFolderOptions o = options();
  o.max_bad_images = 1;
  const ImageFolder folder = open(o);
  EXPECT_EQ(grey(folder, 0), 100);
  EXPECT_THAT(
      [&] { folder.get(3, {}); },
      ThrowsMessage<FileError>(AllOf(HasSubstr("2 pictures"), HasSubstr("max_bad_images = 1"), HasSubstr("1.jpg"))));
}

TEST_F(ImageFolderTest, DamagedPictureThatCanBeReadIsCountedAsAWarning) {
  fs::resize_file(scratch_ / "a/1.jpg", fs::file_size(scratch_ / "a/1.jpg") - 12);
  const ImageFolder folder = open(options());
  folder.get(0, {});
  EXPECT_EQ(folder.problems().bad(), 0);
  EXPECT_EQ(folder.problems().warned(), 1);
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_THAT(problems_[0].reason, HasSubstr("Premature end"));
}

TEST_F(ImageFolderTest, ValidationFolderTakesTheTrainingClasses) {
  const std::string root = scratch_.path().string();
  EXPECT_EQ(ImageFolder(root, options(), {"_", "a", "b"}).label(3), 2);
  EXPECT_THAT([&] { ImageFolder(root, options(), {"b"}); }, ThrowsMessage<FileError>(HasSubstr("class \"a\"")));
}

TEST_F(ImageFolderTest, FoldersThatCannotBeUsedAreNamed) {
  EXPECT_THAT([&] { ImageFolder(scratch_ / "absent"); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("absent"), HasSubstr("no such folder"))));
  EXPECT_THAT([&] { ImageFolder(scratch_ / "a/deeper"); }, ThrowsMessage<FileError>(HasSubstr("no class folders")));
  fs::create_directory(scratch_ / "empty");
  EXPECT_THAT([&] { open(options()); }, ThrowsMessage<FileError>(AllOf(HasSubstr("empty"), HasSubstr("no .jpg"))));
}

TEST_F(ImageFolderTest, TrainingCropsChangeWithTheEpochOnly) {
  images::Image image(40, 40);
  for (int y = 0; y < 40; ++y) {
    for (int i = 0; i < 120; ++i) image.row(y)[i] = static_cast<std::uint8_t>(y * 5 + i);
  }
  images::write_jpeg(scratch_ / "a/1.jpg", image);
  ImageFolderOptions o = options();
  o.train = true;
  const ImageFolder folder = open(o);
  const auto crop = [&](std::int64_t epoch) {
    return to_vector<float>(folder.get(0, {.seed = 1, .epoch = epoch}).at(0));
  };
  EXPECT_EQ(crop(3), crop(3));
  EXPECT_NE(crop(3), crop(4));
}

TEST(FlowersTest, AreFiveClassesOfEighty) {
  const std::string root = rensa::testing::data_folder("images/train");
  if (root.empty()) GTEST_SKIP() << "there is no folder images/train under $RENSA_DATA";
  const ImageFolder folder(root);
  EXPECT_THAT(folder.class_names(), ElementsAre("daisy", "dandelion", "roses", "sunflowers", "tulips"));
  EXPECT_EQ(folder.size(), 400);
  EXPECT_EQ(folder.label(399), 4);
}

}  // namespace
}  // namespace rensa
