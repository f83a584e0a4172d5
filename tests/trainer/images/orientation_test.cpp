#include "trainer/images/orientation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rensa::images {
namespace {

using ::testing::ElementsAre;

/// Stored picture: 2 rows of 3 pixels, numbered 1 2 3 / 4 5 6.
Image numbered() {
  Image image(2, 3);
  for (int i = 0; i < 6; ++i) image.at(i / 3, i % 3)[0] = static_cast<std::uint8_t>(i + 1);
  return image;
}

std::vector<int> shown(Orientation orientation) {
  const Image image = turn_upright(numbered(), orientation);
  std::vector<int> numbers;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) numbers.push_back(image.at(y, x)[0]);
  }
  return numbers;
}

TEST(OrientationTest, TurnsEachOfTheEightKindsUpright) {
  EXPECT_THAT(shown(Orientation::kTopLeft), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(shown(Orientation::kTopRight), ElementsAre(3, 2, 1, 6, 5, 4));
  EXPECT_THAT(shown(Orientation::kBottomRight), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(shown(Orientation::kBottomLeft), ElementsAre(4, 5, 6, 1, 2, 3));
  EXPECT_THAT(shown(Orientation::kLeftTop), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(shown(Orientation::kRightTop), ElementsAre(4, 1, 5, 2, 6, 3));  // clockwise
  EXPECT_THAT(shown(Orientation::kRightBottom), ElementsAre(6, 3, 5, 2, 4, 1));
  EXPECT_THAT(shown(Orientation::kLeftBottom), ElementsAre(3, 6, 2, 5, 1, 4));  // counter-clockwise
}

TEST(OrientationTest, BoxesMapToTheStoredPictureAndBack) {
  const PixelBox box{1, 2, 3, 1};
  for (int value = 1; value <= 8; ++value) {
    const auto orientation = static_cast<Orientation>(value);
    const PixelBox stored = stored_box(box, orientation, 10, 10);
    EXPECT_EQ(shown_box(stored, orientation, 10, 10), box) << value;
  }
  EXPECT_EQ(stored_box({0, 0, 1, 2}, Orientation::kRightTop, 5, 7), (PixelBox{3, 0, 2, 1}));
}

std::vector<std::uint8_t> exif(const std::string& tiff) {
  const std::string all = std::string("Exif\0\0", 6) + tiff;
  return {all.begin(), all.end()};
}

TEST(OrientationTest, ReadsBothByteOrders) {
  using namespace std::literals;
  EXPECT_EQ(read_exif_orientation(exif("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s)),
            Orientation::kRightTop);
  EXPECT_EQ(read_exif_orientation(exif("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s)),
            Orientation::kLeftBottom);
}

TEST(OrientationTest, BrokenBlocksReadAsStored) {
  using namespace std::literals;
  const std::string good = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s;
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(read_exif_orientation(exif(good.substr(0, size))), Orientation::kTopLeft) << size;
  }
  EXPECT_EQ(read_exif_orientation(exif("MM\0*\xff\xff\xff\xf0\0\x01"s)),
            Orientation::kTopLeft);  // directory far outside
  EXPECT_EQ(read_exif_orientation(exif("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0"s)),
            Orientation::kTopLeft);
}

}  // namespace
}  // namespace rensa::images
