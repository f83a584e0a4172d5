#include "trainer/iterators/picture_iterator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/datasets/small_pictures.h"
#include "trainer/images/jpeg_writer.h"
#include "trainer/images/picture_edit.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

PictureTable noise(int height, int width, int channels, int count) {
  PictureTable table{height, width, channels, {}, {}, {"a", "b"}};
  RandomStream random(3, Purpose::kUser);
  for (int i = 0; i < height * width * channels * count; ++i) {
    table.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  for (int i = 0; i < count; ++i) table.labels.push_back(i % 2);
  return table;
}

std::unique_ptr<Iterator> over(std::shared_ptr<const Dataset> dataset) {
  return make_iterator(std::move(dataset), {.batch_size = 5, .repeat = true, .shuffle = true, .seed = 9},
                       {.threads = 0});
}

void expect_same_batches(Iterator& found, Iterator& expected, Dtype dtype = Dtype::kFloat32) {
  for (int i = 0; i < 6; ++i) {
    const Batch own = *found.next(), want = *expected.next();
    ASSERT_EQ(own.fields.size(), 2u);
    EXPECT_EQ(own.x().dtype(), dtype);
    EXPECT_EQ(own.x().shape(), want.x().shape());
    EXPECT_EQ(to_vector<float>(own.x()), to_vector<float>(want.x().to(dtype)));
    EXPECT_EQ(to_vector<std::int32_t>(own.t()), to_vector<std::int32_t>(want.t()));
    EXPECT_EQ(own.indices, want.indices);
    EXPECT_EQ(found.epoch_detail(), expected.epoch_detail());
  }
}

/// Batches of raw pictures, finished, against those that the dataset makes itself.
void expect_same(const PictureTable& table, SmallPicturesOptions options, Dtype dtype = Dtype::kFloat32) {
  const auto whole = over(std::make_shared<SmallPictures>(table, options));
  options.raw = true;
  const auto raw = std::make_shared<SmallPictures>(table, options);
  PictureIterator finished(over(raw), {.values = raw->values(),
                                       .changes_colours = options.augmentation.colour_jitter.any(),
                                       .flat = options.flat,
                                       .dtype = dtype});
  expect_same_batches(finished, *whole, dtype);
}

const images::ColourJitterOptions kJitter{.brightness = 0.6, .contrast = 0.5, .saturation = 0.8, .hue = 0.3};

TEST(PictureIteratorTest, CropsAndMirrorsAsTheDatasetDoes) {
  expect_same(noise(7, 9, 3, 11), {.pad = 2, .flip = true, .mean = {0.4f, 0.5f, 0.6f}, .std = {0.2f, 0.3f, 0.25f}});
  expect_same(noise(6, 5, 1, 11), {.pad = 1, .mean = {0.4f}, .std = {0.3f}});
  expect_same(noise(4, 4, 5, 11), {.flip = true});
  expect_same(noise(4, 4, 3, 11), {});
}

TEST(PictureIteratorTest, ChangesColoursAsTheDatasetDoes) {
  for (const images::ColourJitterOptions& jitter :
       {kJitter, images::ColourJitterOptions{.contrast = 0.9}, images::ColourJitterOptions{.hue = 0.5},
        images::ColourJitterOptions{.brightness = 1.5, .saturation = 2}}) {
    for (const int channels : {1, 3}) {
      expect_same(noise(8, 6, channels, 23), {.pad = 1, .flip = true, .augmentation = {.colour_jitter = jitter}});
    }
  }
}

TEST(PictureIteratorTest, ComesAfterRandAugment) {
  expect_same(noise(8, 8, 3, 23),
              {.pad = 1, .flip = true, .augmentation = {.rand_augment = {.operations = 2}, .colour_jitter = kJitter}});
  expect_same(noise(8, 8, 1, 23), {.pad = 1, .augmentation = {.rand_augment = {.operations = 2}}});
}

TEST(PictureIteratorTest, GivesTheFormThatTheNetworkWants) {
  expect_same(noise(6, 6, 3, 11), {.flat = true});
  expect_same(noise(6, 6, 3, 11), {.pad = 1}, Dtype::kFloat16);
  expect_same(noise(6, 6, 3, 11), {.pad = 1}, Dtype::kBFloat16);
}

TEST(PictureIteratorTest, PhotographsAreThoseOfTheDataset) {
  const testing::ScratchFolder folder;
  RandomStream random(5, Purpose::kUser);
  for (int i = 0; i < 6; ++i) {
    images::Image image(40 + i, 50 - i);
    for (std::size_t k = 0; k < image.bytes(); ++k) image.row(0)[k] = static_cast<std::uint8_t>(random.below(256));
    const std::string name = folder / ("c/" + std::to_string(i) + ".jpg");
    std::filesystem::create_directories(std::filesystem::path(name).parent_path());
    images::write_jpeg(name, image);
  }
  ImageFolderOptions options{.crop = {.size = 16}, .augmentation = {.colour_jitter = kJitter}};
  const auto whole = over(std::make_shared<ImageFolder>(folder.path().string(), options));
  options.raw = true;
  const auto raw = std::make_shared<ImageFolder>(folder.path().string(), options);
  PictureIterator finished(over(raw),
                           {.values = images::normalized_values(options.normalization), .changes_colours = true});
  for (int i = 0; i < 4; ++i) {
    const std::vector<float> found = to_vector<float>(finished.next()->x()),
                             want = to_vector<float>(whole->next()->x());
    ASSERT_EQ(found.size(), want.size());
    for (std::size_t k = 0; k < want.size(); ++k) ASSERT_NEAR(found[k], want[k], 1e-6);
  }
}

TEST(PictureIteratorTest, NamesWhatItWasGivenInstead) {
  const auto raw = std::make_shared<SmallPictures>(noise(4, 4, 3, 11), SmallPicturesOptions{.raw = true});
  PictureIterator whole(over(std::make_shared<SmallPictures>(noise(4, 4, 3, 11), SmallPicturesOptions{})),
                        {.values = raw->values()});
  EXPECT_THAT([&] { whole.next(); }, ThrowsMessage<ShapeError>(HasSubstr("raw = true")));
  PictureIterator other(over(raw), {.values = zeros({1, 256})});
  EXPECT_THAT([&] { other.next(); }, ThrowsMessage<ShapeError>(HasSubstr("(n, 1, height, width)")));
}

}  // namespace
}  // namespace rensa
