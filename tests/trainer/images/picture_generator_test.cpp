#include "trainer/images/picture_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/images/jpeg_reader.h"

namespace rensa::images {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

bool equal(const Image& a, const Image& b) {
  return a.height() == b.height() && a.width() == b.width() && std::equal(a.row(0), a.row(0) + a.bytes(), b.row(0));
}

TEST(PictureGeneratorTest, SameNumbersGiveTheSamePixels) {
  for (int label = 0; label < kPictureClasses; ++label) {
    const Image image = generate_picture(label, 3, {.seed = 1, .min_size = 24, .max_size = 40});
    EXPECT_TRUE(equal(image, generate_picture(label, 3, {.seed = 1, .min_size = 24, .max_size = 40})));
    EXPECT_FALSE(equal(image, generate_picture(label, 4, {.seed = 1, .min_size = 24, .max_size = 40})));
    EXPECT_FALSE(equal(image, generate_picture(label, 3, {.seed = 2, .min_size = 24, .max_size = 40})));
    EXPECT_GE(std::min(image.height(), image.width()), 24);
    EXPECT_LE(std::max(image.height(), image.width()), 40);
    const auto [darkest, lightest] = std::minmax_element(image.row(0), image.row(0) + image.bytes());
    EXPECT_GT(*lightest - *darkest, 40) << picture_class_name(label);
  }
}

TEST(PictureGeneratorTest, WritesAFolderThatImageFolderReads) {
  const rensa::testing::ScratchFolder scratch;
  write_picture_folder(
      scratch.path().string(),
      {.classes = 3, .train_per_class = 4, .val_per_class = 2, .pictures = {.min_size = 16, .max_size = 24}});
  const ImageFolder train(scratch / "train"), val(scratch / "val");
  EXPECT_EQ(train.size(), 12);
  EXPECT_EQ(val.size(), 6);
  EXPECT_EQ(train.class_names(), val.class_names());
  EXPECT_FALSE(equal(read_jpeg(train.path(0)), read_jpeg(val.path(0))));
  EXPECT_EQ(read_image_file(train.path(5)), [&] {
    const rensa::testing::ScratchFolder again;
    write_picture_folder(
        again.path().string(),
        {.classes = 3, .train_per_class = 4, .val_per_class = 2, .pictures = {.min_size = 16, .max_size = 24}});
    return read_image_file(ImageFolder(again / "train").path(5));
  }());
}

TEST(PictureGeneratorTest, OptionsOutOfRangeAreRefused) {
  EXPECT_THAT([] { generate_picture(10, 0, {}); }, ThrowsMessage<ValueError>(HasSubstr("class 10")));
  EXPECT_THAT([] { generate_picture(0, 0, {.min_size = 50, .max_size = 40}); },
              ThrowsMessage<ValueError>(HasSubstr("50 to 40")));
  EXPECT_THAT([] { write_picture_folder("x", {.classes = 1}); }, ThrowsMessage<ValueError>(HasSubstr("1 classes")));
}

}  // namespace
}  // namespace rensa::images
