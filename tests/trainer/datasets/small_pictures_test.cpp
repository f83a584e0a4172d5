#include "trainer/datasets/small_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "core/error.h"
#include "tests/support/data_folder.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// One picture of 2 x 2 pixels and 2 channels: 10 11, 20 21 / 30 31, 40 41.
PictureTable tiny() { return {2, 2, 2, {10, 11, 20, 21, 30, 31, 40, 41}, {1}, {"a", "b"}}; }

TEST(SmallPicturesTest, NormalizesEachChannel) {
  const SmallPictures dataset(tiny(), {.mean = {10 / 255.f, 11 / 255.f}, .std = {10 / 255.f, 10 / 255.f}});
  const Example example = dataset.get(0, {});
  EXPECT_EQ(example.at(0).shape(), (Shape{2, 2, 2}));
  const std::vector<float> x = to_vector<float>(example.at(0));  // channel by channel
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(x[4 * c + i], static_cast<float>(i), 1e-5);
  }
  EXPECT_EQ(example.at(1).item<std::int32_t>(), 1);
}

TEST(SmallPicturesTest, FlatSamplesHaveTheOrderOfChannelsFirst) {
  const SmallPictures flat(tiny(), {.flat = true}), picture(tiny(), {});
  EXPECT_EQ(flat.get(0, {}).at(0).shape(), (Shape{8}));
  EXPECT_EQ(to_vector<float>(flat.get(0, {}).at(0)), to_vector<float>(picture.get(0, {}).at(0)));
}

TEST(SmallPicturesTest, AugmentationMovesAndMirrorsBySampleAndEpoch) {
  const SmallPictures dataset(tiny(), {.pad = 1, .flip = true});
  std::set<std::vector<float>> seen;
  for (std::int64_t epoch = 0; epoch < 300; ++epoch) {
    const auto x = to_vector<float>(dataset.get(0, {.seed = 4, .epoch = epoch}).at(0));
    EXPECT_EQ(x, to_vector<float>(dataset.get(0, {.seed = 4, .epoch = epoch}).at(0)));
    seen.insert(x);
  }
  EXPECT_EQ(seen.size(), 18u);  // 3 x 3 places, mirrored or not
}

TEST(SmallPicturesTest, AugmentsGreyPicturesAsThoseOfThreeEqualChannels) {
  const std::vector<std::uint8_t> grey{10, 200, 30, 90, 50, 60, 70, 180, 0};
  std::vector<std::uint8_t> coloured;
  for (const std::uint8_t value : grey) coloured.insert(coloured.end(), 3, value);
  const SmallPicturesOptions options{.flip = true,
                                     .augmentation = {.rand_augment = {.operations = 3, .magnitude = 20}}};
  const SmallPictures one({3, 3, 1, grey, {0}, {"a"}}, options), three({3, 3, 3, coloured, {0}, {"a"}}, options);
  std::set<std::vector<float>> seen;
  for (std::int64_t epoch = 0; epoch < 50; ++epoch) {
    const SampleContext context{.seed = 4, .epoch = epoch};
    const std::vector<float> x = to_vector<float>(one.get(0, context).at(0));
    const std::vector<float> channels = to_vector<float>(three.get(0, context).at(0));
    EXPECT_TRUE(std::equal(x.begin(), x.end(), channels.begin()));
    seen.insert(x);
  }
  EXPECT_GT(seen.size(), 30u);
  EXPECT_THAT([] { SmallPictures(tiny(), {.augmentation = {.rand_augment = {.operations = 1}}}); },
              ThrowsMessage<ValueError>(HasSubstr("1 or 3")));
}

TEST(SmallPicturesTest, WrongNumberOfMeansIsRefused) {
  EXPECT_THAT([] { SmallPictures(tiny(), {.mean = {0.5f}}); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("1 values"), HasSubstr("2 channels"))));
}

TEST(CifarTest, CutOffAndForeignFilesAreRefused) {
  const rensa::testing::ScratchFolder scratch;
  std::ofstream(scratch / "cut.bin") << std::string(3072, '\1');
  EXPECT_THAT([&] { read_cifar10_file(scratch / "cut.bin"); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("cut.bin"), HasSubstr("3073"), HasSubstr("3072"))));
  std::ofstream(scratch / "label.bin") << std::string(3073, '\x0b');
  EXPECT_THAT([&] { read_cifar10_file(scratch / "label.bin"); }, ThrowsMessage<FileError>(HasSubstr("label 11")));
  EXPECT_THAT([&] { read_cifar10_folder(scratch.path().string(), Split::kTest); },
              ThrowsMessage<FileError>(HasSubstr("test_batch.bin")));
}

TEST(CifarTest, ReadsRecordsPlaneByPlane) {
  const rensa::testing::ScratchFolder scratch;
  std::ofstream(scratch / "data_batch_1.bin")
      << '\3' << std::string(1024, 'r') << std::string(1024, 'g') << std::string(1024, 'b');
  const PictureTable table = read_cifar10_folder(scratch.path().string(), Split::kTrain);
  EXPECT_EQ(table.count(), 1);
  EXPECT_EQ(table.labels[0], 3);
  EXPECT_THAT(std::vector<std::uint8_t>(table.pixels.begin(), table.pixels.begin() + 4),
              ElementsAre('r', 'g', 'b', 'r'));
}

TEST(CifarTest, HasTheClassesThatItsFileNames) {
  const rensa::testing::ScratchFolder scratch;
  const auto write_label = [&](char label) {
    std::ofstream(scratch / "data_batch_1.bin") << label << std::string(3072, 'x');
  };
  const auto read = [&] { return read_cifar10_folder(scratch.path().string(), Split::kTrain); };
  std::ofstream(scratch / "batches.meta.txt") << "daisy\r\nrose\r\ntulip\r\n\r\n";
  write_label('\2');
  EXPECT_THAT(read().class_names, ElementsAre("daisy", "rose", "tulip"));
  write_label('\3');
  EXPECT_THAT(read, ThrowsMessage<FileError>(AllOf(HasSubstr("label 3"), HasSubstr("0 to 2"))));
  std::ofstream(scratch / "batches.meta.txt") << "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n";
  EXPECT_THAT(read, ThrowsMessage<FileError>(HasSubstr("11 class names")));
}

TEST(CifarTest, Cifar100HasCoarseAndFineLabels) {
  const rensa::testing::ScratchFolder scratch;
  const std::string folder = scratch.path().string();
  const auto read = [&](Cifar100Labels labels = Cifar100Labels::kFine) {
    return read_cifar100_folder(folder, Split::kTest, labels);
  };
  EXPECT_THAT([&] { read(); }, ThrowsMessage<FileError>(HasSubstr("test.bin")));
  const std::string red(1024, '\1'), green(1024, '\2'), blue(1024, '\3');
  std::ofstream(scratch / "test.bin", std::ios::binary) << '\4' << '\x63' << red << green << blue;
  const PictureTable table = read();
  EXPECT_THAT(table.labels, ElementsAre(99));
  EXPECT_EQ(table.class_names.size(), 100u);
  EXPECT_THAT(std::vector<int>(table.pixels.begin(), table.pixels.begin() + 4), ElementsAre(1, 2, 3, 1));
  EXPECT_THAT(read(Cifar100Labels::kCoarse).labels, ElementsAre(4));
  std::ofstream names(scratch / "coarse_label_names.txt");
  for (int i = 0; i < 20; ++i) names << "group " << i << '\n';
  names.close();
  EXPECT_EQ(read(Cifar100Labels::kCoarse).class_names[4], "group 4");
  std::ofstream(scratch / "fine_label_names.txt") << "apple\n";
  EXPECT_THAT([&] { read(); }, ThrowsMessage<FileError>(HasSubstr("100 classes")));
  std::filesystem::remove(scratch / "fine_label_names.txt");
  std::ofstream(scratch / "test.bin", std::ios::binary) << '\4' << '\x64' << red << green << blue;
  EXPECT_THAT([&] { read(); }, ThrowsMessage<FileError>(HasSubstr("label 100")));
  std::ofstream(scratch / "test.bin", std::ios::binary) << '\4' << red << green << blue;
  EXPECT_THAT([&] { read(); }, ThrowsMessage<FileError>(HasSubstr("records of 3074 bytes")));
}

TEST(CifarTest, OfficialRecordsHaveTheKnownLabels) {
  const std::string folder = rensa::testing::data_folder("cifar-10");
  if (folder.empty()) GTEST_SKIP() << "there is no folder cifar-10 under $RENSA_DATA";
  const PictureTable table = read_cifar10_file(folder + "/data_batch_1_first4000.bin");
  EXPECT_EQ(table.count(), 4000);
  EXPECT_THAT(std::vector<int>(table.labels.begin(), table.labels.begin() + 8), ElementsAre(6, 9, 9, 4, 1, 1, 2, 7));
}

}  // namespace
}  // namespace rensa
