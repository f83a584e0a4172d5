#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <string>

#include "tests/support/data_folder.h"
#include "trainer/images/image_error.h"
#include "trainer/images/jpeg_reader.h"

namespace rensa::images {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// What Pillow 13 (with libjpeg-turbo, EXIF applied, converted to RGB) makes of each file.
struct OddFile {
  const char* name;
  int height, width, stored_channels;
  bool warns;
  std::array<double, 3> mean;
  std::array<int, 3> centre;
};

const OddFile kReadable[] = {
    {"cmyk-32x32.jpg", 32, 32, 4, false, {127.50, 127.50, 43.82}, {123, 123, 8}},
    {"exif-orientation-3.jpg", 1800, 1200, 3, false, {144.47, 155.74, 163.04}, {138, 155, 162}},
    {"exif-orientation-6.jpg", 1200, 1800, 3, false, {98.43, 115.74, 134.16}, {115, 131, 147}},
    {"gray-1x1000.jpg", 1000, 1, 1, false, {126.01, 126.01, 126.01}, {151, 151, 151}},
    {"gray-bad-exif-bad-data.jpg", 500, 500, 1, true, {125.48, 125.48, 125.48}, {255, 255, 255}},
    {"gray.jpg", 128, 128, 1, false, {84.69, 84.69, 84.69}, {99, 99, 99}},
    {"junk-in-header.jpg", 768, 1024, 3, true, {117.10, 115.83, 116.81}, {146, 130, 117}},
    {"progressive.jpg", 160, 256, 3, false, {119.82, 120.24, 102.86}, {188, 168, 141}},
    {"rgb-not-ycbcr.jpg", 333, 500, 3, false, {109.04, 132.07, 109.57}, {165, 219, 116}},
    {"truncated-progressive.jpg", 100, 100, 3, true, {128.36, 128.22, 126.72}, {122, 182, 122}},
    {"ycck-adobe.jpg", 100, 100, 4, false, {30.23, 5.44, 7.39}, {1, 4, 5}},
};

std::array<double, 3> mean_of(const Image& image) {
  std::array<double, 3> sum{};
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) {
      for (std::size_t c = 0; c < 3; ++c) sum[c] += image.at(y, x)[c];
    }
  }
  for (double& value : sum) value /= static_cast<double>(image.height()) * image.width();
  return sum;
}

class OddJpegTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (folder_.empty()) GTEST_SKIP() << "there is no folder odd-jpegs under $RENSA_DATA";
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  auto reading(const std::string& name) const {
    return [file = path(name)] { read_jpeg(file); };
  }
  std::string folder_ = rensa::testing::data_folder("odd-jpegs");
};

class ReadableOddJpegTest : public OddJpegTest, public ::testing::WithParamInterface<OddFile> {};

TEST_P(ReadableOddJpegTest, HasSizeColoursAndWarningsOfTheReference) {
  const OddFile& want = GetParam();
  const std::vector<std::uint8_t> bytes = read_image_file(path(want.name));
  JpegReader reader(bytes, want.name);
  EXPECT_EQ(reader.height(), want.height);
  EXPECT_EQ(reader.width(), want.width);
  EXPECT_EQ(reader.stored_channels(), want.stored_channels);
  const Image image = reader.decode();
  EXPECT_EQ(reader.warnings() > 0, want.warns) << reader.first_warning();
  EXPECT_EQ(reader.first_warning().empty(), !want.warns);
  const std::array<double, 3> mean = mean_of(image);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(mean[c], want.mean[c], 0.5) << "channel " << c;
    EXPECT_NEAR(image.at(image.height() / 2, image.width() / 2)[c], want.centre[c], 2) << "channel " << c;
  }
}
INSTANTIATE_TEST_SUITE_P(, ReadableOddJpegTest, ::testing::ValuesIn(kReadable), [](const auto& file) {
  std::string name = file.param.name;
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  return name;
});

TEST_F(OddJpegTest, PngIsRefusedByItsFirstBytes) {
  EXPECT_THAT(reading("png-named-jpg.jpg"),
              ThrowsMessage<ImageError>(AllOf(HasSubstr("png-named-jpg.jpg"), HasSubstr("a PNG"))));
}
TEST_F(OddJpegTest, BadSegmentLengthIsRefused) {
  const std::vector<std::uint8_t> bytes = read_image_file(path("corrupt-data.jpg"));
  JpegReader reader(bytes, "corrupt-data.jpg");  // its header is well
  EXPECT_EQ(reader.height(), 75);
  EXPECT_EQ(reader.width(), 100);
  EXPECT_THAT([&] { reader.decode(); }, ThrowsMessage<ImageError>(HasSubstr("corrupt-data.jpg: ")));
}
TEST_F(OddJpegTest, BadSegmentLengthBelowTheRowsAskedForIsRefused) {
  const std::vector<std::uint8_t> bytes = read_image_file(path("corrupt-data.jpg"));
  JpegReader reader(bytes, "corrupt-data.jpg");
  EXPECT_THAT([&] { reader.decode_region({.top = 8, .left = 8, .height = 60, .width = 64}); },
              ThrowsMessage<ImageError>(HasSubstr("corrupt-data.jpg: ")));
}
TEST_F(OddJpegTest, MissingStartOfScanIsRefused) {
  EXPECT_THAT(reading("missing-sos.jpg"), ThrowsMessage<ImageError>(HasSubstr("missing-sos.jpg: ")));
}
TEST_F(OddJpegTest, LosslessJpegIsRefused) {
  EXPECT_THAT(reading("lossless-sof3.jpg"), ThrowsMessage<ImageError>(HasSubstr("lossless-sof3.jpg: ")));
}

}  // namespace
}  // namespace rensa::images
