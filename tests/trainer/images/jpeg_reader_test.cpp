#include "trainer/images/jpeg_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/device/random.h"
#include "core/error.h"
#include "tests/support/data_folder.h"
#include "tests/support/scratch_folder.h"
#include "trainer/images/image_error.h"
#include "trainer/images/jpeg_writer.h"

namespace rensa::images {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Image noise_picture(int height, int width) {
  RandomStream random(7, Purpose::kUser);
  Image image(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c)
        image.at(y, x)[c] = static_cast<std::uint8_t>((4 * x + 3 * y + c * 40 + random.below(40)) % 256);
    }
  }
  return image;
}

int below(RandomStream& random, int bound) { return static_cast<int>(random.below(static_cast<std::uint64_t>(bound))); }

/// Largest difference between a region's pixels inside `box` and those of the whole picture at the same scale.
int difference(const JpegRegion& region, const JpegRegion& whole, const PixelBox& box) {
  const int d = whole.denominator;
  const int first_y = (box.top - region.top) / d, last_y = (box.top + box.height - region.top + d - 1) / d;
  const int first_x = (box.left - region.left) / d, last_x = (box.left + box.width - region.left + d - 1) / d;
  const int down = (region.top - whole.top) / d, right = (region.left - whole.left) / d;
  EXPECT_LE(last_y, region.pixels.height());
  EXPECT_LE(last_x, region.pixels.width());
  int largest = 0;
  for (int y = first_y; y < last_y; ++y) {
    for (int x = first_x; x < last_x; ++x) {
      for (int c = 0; c < 3; ++c) {
        largest = std::max(largest, std::abs(region.pixels.at(y, x)[c] - whole.pixels.at(y + down, x + right)[c]));
      }
    }
  }
  return largest;
}

void expect_regions_of_the_whole(const std::vector<std::uint8_t>& bytes, const std::string& name, int boxes) {
  JpegReader reader(bytes, name);
  RandomStream random(3, Purpose::kUser);
  for (int denominator : {1, 2, 4, 8}) {
    const JpegRegion whole = reader.decode_region({0, 0, reader.height(), reader.width()}, denominator);
    for (int i = 0; i < boxes; ++i) {
      PixelBox box;
      box.height = 1 + below(random, reader.height());
      box.width = 1 + below(random, reader.width());
      box.top = below(random, reader.height() - box.height + 1);
      box.left = below(random, reader.width() - box.width + 1);
      const JpegRegion region = reader.decode_region(box, denominator);
      ASSERT_LE(region.top, box.top);
      ASSERT_LE(region.left, box.left);
      ASSERT_EQ(difference(region, whole, box), 0) << name << " 1/" << denominator << " box " << box.top << " "
                                                   << box.left << " " << box.height << " " << box.width;
    }
  }
}

TEST(JpegReaderTest, RegionHasThePixelsOfTheWholePicture) {
  expect_regions_of_the_whole(encode_jpeg(noise_picture(101, 147)), "noise", 40);
}

TEST(JpegReaderTest, RegionHasThePixelsOfTheWholePictureInEveryKindOfFile) {
  const std::string folder = rensa::testing::data_folder("odd-jpegs");
  if (folder.empty()) GTEST_SKIP() << "there is no folder odd-jpegs under $RENSA_DATA";
  for (const char* name : {"progressive.jpg", "ycck-adobe.jpg", "cmyk-32x32.jpg", "gray.jpg", "gray-1x1000.jpg",
                           "rgb-not-ycbcr.jpg", "exif-orientation-6.jpg", "exif-orientation-3.jpg"}) {
    expect_regions_of_the_whole(read_image_file(folder + "/" + name), name, 4);
  }
}

TEST(JpegReaderTest, ReducedPictureHasTheMeanOfTheFullOne) {
  const std::vector<std::uint8_t> bytes = encode_jpeg(noise_picture(96, 64));
  JpegReader reader(bytes, "noise");
  const auto mean = [](const Image& image) {
    double sum = 0;
    std::for_each(image.row(0), image.row(0) + image.bytes(), [&](std::uint8_t value) { sum += value; });
    return sum / static_cast<double>(image.bytes());
  };
  const double full = mean(reader.decode());
  for (int denominator : {2, 4, 8}) {
    const Image small = reader.decode_region({0, 0, 96, 64}, denominator).pixels;
    EXPECT_EQ(small.height(), 96 / denominator);
    EXPECT_EQ(small.width(), 64 / denominator);
    EXPECT_NEAR(mean(small), full, 1.0);
  }
}

TEST(JpegReaderTest, CutOffFileIsReadWithAWarning) {
  std::vector<std::uint8_t> bytes = encode_jpeg(noise_picture(64, 64));
  bytes.resize(bytes.size() / 2);
  JpegReader reader(bytes, "half");
  EXPECT_EQ(reader.decode().height(), 64);
  EXPECT_GT(reader.warnings(), 0);
  EXPECT_THAT(reader.first_warning(), HasSubstr("Premature end"));
}

TEST(JpegReaderTest, EveryPrefixIsReadOrRefusedCleanly) {
  const std::vector<std::uint8_t> bytes = encode_jpeg(noise_picture(24, 24));
  int refused = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    try {
      JpegReader reader({bytes.data(), size}, "prefix");
      reader.decode();
    } catch (const ImageError& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr("prefix: "));
    }
  }
  EXPECT_GT(refused, 100);  // all that end inside the header
}

TEST(JpegReaderTest, DamagedBytesAreReadOrRefusedCleanly) {
  const std::vector<std::uint8_t> good = encode_jpeg(noise_picture(40, 40));
  RandomStream random(11, Purpose::kUser);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::uint8_t> bytes = good;
    for (int k = 0; k < 3; ++k) bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.below(256));
    try {
      JpegReader reader(bytes, "damaged", {.max_pixels = 1'000'000});
      reader.decode();
    } catch (const ImageError&) {
    }
  }
}

TEST(JpegReaderTest, TooManyPixelsAreRefused) {
  const std::vector<std::uint8_t> bytes = encode_jpeg(noise_picture(40, 50));
  EXPECT_THAT([&] { JpegReader(bytes, "big", {.max_pixels = 1999}); },
              ThrowsMessage<ImageError>(AllOf(HasSubstr("50 x 40"), HasSubstr("1999"))));
}

TEST(JpegReaderTest, TooManyScansAreRefused) {
  const std::string folder = rensa::testing::data_folder("odd-jpegs");
  if (folder.empty()) GTEST_SKIP() << "there is no folder odd-jpegs under $RENSA_DATA";
  const std::vector<std::uint8_t> bytes = read_image_file(folder + "/progressive.jpg");
  JpegReader reader(bytes, "progressive", {.max_scans = 2});
  EXPECT_THAT([&] { reader.decode(); }, ThrowsMessage<ImageError>(HasSubstr("more than 2 scans")));
}

TEST(JpegReaderTest, NamesTheFileThatCannotBeOpened) {
  const rensa::testing::ScratchFolder scratch;
  EXPECT_THAT([&] { read_jpeg(scratch / "absent.jpg"); },
              ThrowsMessage<ImageError>(AllOf(HasSubstr("absent.jpg"), HasSubstr("No such file"))));
  EXPECT_THAT([&] { read_jpeg(scratch.path().string()); }, ThrowsMessage<ImageError>(HasSubstr("cannot be read")));
}

TEST(JpegReaderTest, BoxOutsideThePictureIsRefused) {
  const std::vector<std::uint8_t> bytes = encode_jpeg(noise_picture(8, 9));
  JpegReader reader(bytes, "small");
  EXPECT_THAT([&] { reader.decode_region({0, 0, 9, 9}); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("9 x 9"), HasSubstr("8 x 9"))));
  EXPECT_THAT([&] { reader.decode_region({0, 0, 8, 9}, 3); }, ThrowsMessage<ValueError>(HasSubstr("denominator 3")));
}

TEST(JpegWriterTest, ReadsBackNearlyEqual) {
  Image image(40, 60);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 60; ++x) {
      for (int c = 0; c < 3; ++c) image.at(y, x)[c] = static_cast<std::uint8_t>(2 * y + 2 * x + 10 * c);
    }
  }
  const rensa::testing::ScratchFolder scratch;
  write_jpeg(scratch / "a.jpg", image, 95);
  const Image back = read_jpeg(scratch / "a.jpg");
  for (int y = 0; y < 40; ++y) {
    for (int i = 0; i < 180; ++i) ASSERT_NEAR(back.row(y)[i], image.row(y)[i], 6);
  }
}

}  // namespace
}  // namespace rensa::images
