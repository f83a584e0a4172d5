#include "trainer/images/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/data_folder.h"

namespace rensa::images {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

RandomStream stream(std::uint64_t sample) { return {1, Purpose::kAugment, 0, sample}; }

TEST(RandomResizedCropTest, StaysInsideThePictureAndTheLimits) {
  double smallest = 1, largest = 0;
  int flips = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    RandomStream random = stream(i);
    const View view = random_resized_crop(333, 500, {.size = 224}, random);
    EXPECT_GE(view.reach.top, 0);
    EXPECT_GE(view.reach.left, 0);
    EXPECT_LE(view.reach.top + view.reach.height, 333);
    EXPECT_LE(view.reach.left + view.reach.width, 500);
    const double share = view.height * view.width / (333.0 * 500);
    const double ratio = view.width / view.height;
    EXPECT_GT(ratio, 0.72);
    EXPECT_LT(ratio, 1.37);
    smallest = std::min(smallest, share);
    largest = std::max(largest, share);
    flips += view.flip;
  }
  EXPECT_LT(smallest, 0.1);
  EXPECT_GT(smallest, 0.075);
  EXPECT_GT(largest, 0.85);
  EXPECT_NEAR(flips, 1000, 120);
}

TEST(RandomResizedCropTest, TakesTheWholeWidthOfPicturesThatAreTooLong) {
  RandomStream random = stream(0);
  const View view = random_resized_crop(1000, 1, {.size = 8}, random);
  EXPECT_EQ(view.width, 1);
  EXPECT_EQ(view.height, 1);
  EXPECT_EQ(view.top, 499);
}

TEST(CentreCropTest, HasTheNumbersOfResizeAndCentreCrop) {
  const View view = centre_crop(333, 500, 256, 224);  // resized: 256 x 384; crop from row 16, column 80
  EXPECT_NEAR(view.top, 16 * 333 / 256.0, 1e-9);
  EXPECT_NEAR(view.left, 80 * 500 / 384.0, 1e-9);
  EXPECT_NEAR(view.height, 224 * 333 / 256.0, 1e-9);
  EXPECT_NEAR(view.width, 224 * 500 / 384.0, 1e-9);
  EXPECT_NEAR(centre_crop(100, 100, 109, 96).top, 6 * 100 / 109.0, 1e-9);  // 6.5 goes to the even 6, as in Python
  EXPECT_THAT([] { centre_crop(333, 500, 200, 224); }, ThrowsMessage<ValueError>(HasSubstr("224")));
}

TEST(RenderTest, CentreCropEqualsResizingFirst) {
  Image image(60, 90);
  for (int y = 0; y < 60; ++y) {
    for (int i = 0; i < 270; ++i) image.row(y)[i] = static_cast<std::uint8_t>((y * 13 + i * 7 + y * i) % 251);
  }
  const Image resized = resize(image, 32, 48);
  std::vector<float> out(24 * 24 * 3);
  render(image, centre_crop(60, 90, 32, 24), {}, out.data());
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(out[static_cast<std::size_t>((y * 24 + x) * 3 + c)] * 255, resized.at(y + 4, x + 12)[c], 0.51);
      }
    }
  }
}

TEST(RenderTest, ReducedDecodingIsCloseToTheFullPicture) {
  const std::string folder = rensa::testing::data_folder("images-large");
  if (folder.empty()) GTEST_SKIP() << "there is no folder images-large under $RENSA_DATA";
  int reduced = 0;
  std::vector<float> from_jpeg(64 * 64 * 3), from_pixels(from_jpeg.size());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".JPEG") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  files.resize(std::min<std::size_t>(files.size(), 24));
  for (const auto& file : files) {
    const std::vector<std::uint8_t> bytes = read_image_file(file.string());
    JpegReader reader(bytes, file.string());
    RandomStream random = stream(static_cast<std::uint64_t>(reduced));
    const View view = random_resized_crop(reader.height(), reader.width(), {.size = 64, .min_scale = 0.3}, random);
    render(reader, view, {}, from_jpeg.data());
    render(reader.decode(), view, {}, from_pixels.data());
    double sum = 0;
    for (std::size_t i = 0; i < from_jpeg.size(); ++i) sum += std::abs(from_jpeg[i] - from_pixels[i]);
    EXPECT_LT(sum / static_cast<double>(from_jpeg.size()), 2.0 / 255) << file;
    reduced += view.height >= 192 && view.width >= 192;
  }
  EXPECT_GT(reduced, 8);
}

}  // namespace
}  // namespace rensa::images
