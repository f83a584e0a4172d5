#include "trainer/images/augmentation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "core/error.h"
#include "core/serializers/npz.h"
#include "trainer/images/colour.h"
#include "trainer/images/view.h"

namespace rensa::images {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// What torchvision makes of a picture: scripts/oracle/make_picture_goldens.py.
class PictureGoldenTest : public ::testing::Test {
 protected:
  PictureGoldenTest() : file(RENSA_SOURCE_DIR "/tests/golden/pictures.npz") {}

  Image golden(const std::string& key) const {
    const Array pixels = file.array(key);
    Image image(static_cast<int>(pixels.shape()[0]), static_cast<int>(pixels.shape()[1]));
    std::memcpy(image.row(0), pixels.data<std::uint8_t>(), image.bytes());
    return image;
  }
  /// Share of the values that differ by more than `tolerance`.
  static double differing(const Image& found, const Image& want, int tolerance = 0) {
    if (found.bytes() != want.bytes()) return 1;
    std::size_t count = 0;
    for (std::size_t i = 0; i < want.bytes(); ++i) count += std::abs(found.row(0)[i] - want.row(0)[i]) > tolerance;
    return static_cast<double>(count) / static_cast<double>(want.bytes());
  }

  NpzReader file;
};

TEST_F(PictureGoldenTest, RandAugmentsOperationsAreTorchvisions) {
  int cases = 0;
  for (std::size_t number = 0; number < rand_augment_names().size(); ++number) {
    for (int magnitude = 0; magnitude < 31; ++magnitude) {
      for (const std::string sign : {"+", "-"}) {
        const std::string key =
            "rand_augment/" + std::string(rand_augment_names()[number]) + "/" + std::to_string(magnitude) + "/" + sign;
        if (!file.has(key)) continue;
        Image image = golden("picture");
        apply_rand_augment(image, static_cast<int>(number), magnitude, 31, sign == "-");
        // 16-bit fixed point on both sides: a pixel whose source lies on an edge may come from either side of it
        EXPECT_LE(differing(image, golden(key)), key.find("Rotate") != std::string::npos ? 0.004 : 0) << key;
        ++cases;
      }
    }
  }
  EXPECT_GT(cases, 80);
}

TEST_F(PictureGoldenTest, AdjustmentsAreTorchvisions) {
  const std::map<std::string, void (*)(Image&, double)> adjustments{{"brightness", adjust_brightness},
                                                                    {"contrast", adjust_contrast},
                                                                    {"saturation", adjust_saturation},
                                                                    {"sharpness", adjust_sharpness},
                                                                    {"hue", adjust_hue}};
  int cases = 0;
  for (const auto& [name, adjust] : adjustments) {
    for (int thousandths = -1000; thousandths <= 2000; ++thousandths) {
      const std::string key = name + "/" + std::to_string(thousandths);
      if (!file.has(key)) continue;
      Image image = golden("picture");
      adjust(image, thousandths / 1000.0);
      EXPECT_EQ(differing(image, golden(key)), 0) << key;
      ++cases;
    }
  }
  EXPECT_EQ(cases, 26);
}

TEST_F(PictureGoldenTest, TrainingCropsAreTorchvisionsForTheSameBox) {
  const Image picture = golden("large");
  for (int n = 0; file.has("crop/" + std::to_string(n) + "/box"); ++n) {
    const std::string key = "crop/" + std::to_string(n);
    const std::vector<std::int32_t> box = to_vector<std::int32_t>(file.array(key + "/box"));
    const Image want = golden(key + "/pixels");
    const View view{.top = static_cast<double>(box[0]),
                    .left = static_cast<double>(box[1]),
                    .height = static_cast<double>(box[2]),
                    .width = static_cast<double>(box[3]),
                    .reach = {box[0], box[1], box[2], box[3]},
                    .out_height = want.height(),
                    .out_width = want.width()};
    EXPECT_EQ(differing(render_image(picture, view), want, /*tolerance=*/1), 0) << key;
  }
}

Image speckled() {
  Image image(17, 23);
  for (std::size_t i = 0; i < image.bytes(); ++i)
    image.row(0)[i] = static_cast<std::uint8_t>((i * 37 + i * i * 5) % 256);
  return image;
}

std::string bytes(const Image& image) { return {reinterpret_cast<const char*>(image.row(0)), image.bytes()}; }

TEST(AugmentationTest, DependsOnTheStreamAlone) {
  const Augmentation augmentation{.rand_augment = {.operations = 2},
                                  .colour_jitter = {.brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1}};
  std::map<std::string, int> seen;
  for (std::uint64_t sample = 0; sample < 50; ++sample) {
    Image once = speckled(), again = speckled();
    RandomStream first(3, Purpose::kAugment, 1, sample), second(3, Purpose::kAugment, 1, sample);
    augment(once, augmentation, first);
    augment(again, augmentation, second);
    EXPECT_EQ(bytes(once), bytes(again));
    ++seen[bytes(once)];
  }
  EXPECT_GT(seen.size(), 48u);
}

TEST(AugmentationTest, NothingAskedForChangesNothing) {
  Image image = speckled();
  RandomStream random(1, Purpose::kAugment);
  augment(image, {}, random);
  EXPECT_EQ(bytes(image), bytes(speckled()));
  EXPECT_FALSE(Augmentation{}.any());
}

TEST(AugmentationTest, NumbersOutOfRangeAreRefused) {
  const auto refusal = [](const Augmentation& augmentation, const char* text) {
    EXPECT_THAT([&] { augmentation.check(); }, ThrowsMessage<ValueError>(HasSubstr(text)));
  };
  refusal({.rand_augment = {.operations = 2, .magnitude = 31}}, "0 to 30");
  refusal({.colour_jitter = {.hue = 0.7}}, "0.5");
  refusal({.colour_jitter = {.contrast = -1}}, "negative");
}

}  // namespace
}  // namespace rensa::images
