#include "trainer/images/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace rensa::images {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Image pattern() {
  Image image(5, 7);
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 7; ++x) {
      for (int c = 0; c < 3; ++c)
        image.at(y, x)[c] = static_cast<std::uint8_t>((37 * y + 91 * x + 53 * c * x * y) % 256);
    }
  }
  return image;
}

void expect_near(const Image& image, const std::vector<int>& want) {
  ASSERT_EQ(image.bytes(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(image.row(0)[i], want[i], 1) << i;
}

TEST(ResizeTest, ShrinksLikePillow) {  // Image.resize((w, h), BILINEAR) of Pillow 13, which rounds between the axes
  expect_near(resize(pattern(), 3, 4),
              {64,  70,  82, 134, 124, 140, 117, 127, 106, 124, 138, 153, 112, 77, 99,  88,  138, 156,
               135, 110, 99, 97,  135, 102, 167, 145, 115, 116, 142, 132, 106, 81, 155, 124, 119, 119});
  expect_near(resize(pattern(), 2, 2), {103, 105, 120, 121, 135, 126, 127, 123, 122, 110, 107, 122});
}

TEST(ResizeTest, EnlargesLikePillow) {
  const Image large = resize(pattern(), 8, 9);
  const int first_row[] = {0,  0,  0,  61, 61,  61,  131, 131, 131, 145, 145, 145, 17, 17,
                           17, 88, 88, 88, 159, 159, 159, 144, 144, 144, 34,  34,  34};
  for (int i = 0; i < 27; ++i) EXPECT_NEAR(large.row(0)[i], first_row[i], 1) << i;
}

TEST(ResizeTest, KeepsAPictureOfTheSameSize) {
  const Image image = pattern(), same = resize(image, 5, 7);
  EXPECT_TRUE(std::equal(image.row(0), image.row(0) + image.bytes(), same.row(0)));
}

TEST(ResizeTest, OneColourStaysThatColour) {
  Image image(97, 61);
  std::fill_n(image.row(0), image.bytes(), std::uint8_t{200});
  const Image small = resize(image, 13, 40);
  EXPECT_TRUE(std::all_of(small.row(0), small.row(0) + small.bytes(), [](std::uint8_t v) { return v == 200; }));
}

TEST(ResampleTest, NormalizesAndMirrors) {
  const Image image = pattern();
  const ResampleAxis rows = bilinear_axis(0, 5, 5, 0, 5);
  ResampleAxis columns = bilinear_axis(0, 7, 7, 0, 7);
  columns.reverse();
  std::vector<float> out(image.bytes());
  resample(image, rows, columns, kImageNetNormalization, out.data());
  for (int x = 0; x < 7; ++x) {
    const float want = (static_cast<float>(image.at(2, 6 - x)[1]) / 255 - 0.456f) / 0.224f;
    EXPECT_NEAR(out[static_cast<std::size_t>((2 * 7 + x) * 3 + 1)], want, 1e-5f);
  }
}

TEST(ResampleTest, WeightsSumToOneInsideTheLimits) {
  const ResampleAxis axis = bilinear_axis(-3.7, 50.2, 11, 2, 30);
  for (int i = 0; i < axis.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_GE(axis.first[at], 2);
    EXPECT_LE(axis.first[at] + axis.count[at], 30);
    float sum = 0;
    for (int k = 0; k < axis.count[at]; ++k) sum += axis.weights[static_cast<std::size_t>(i * axis.taps + k)];
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST(ResampleTest, EmptySizesAreRefused) {
  EXPECT_THAT([] { bilinear_axis(0, 5, 0, 0, 5); }, ThrowsMessage<ValueError>(HasSubstr("must be positive")));
}

}  // namespace
}  // namespace rensa::images
