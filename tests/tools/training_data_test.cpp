#include "tools/train/training_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "trainer/images/jpeg_writer.h"

namespace rensa::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TrainingDataTest : public ::testing::Test {
 protected:
  TrainingDataTest() {
    options_.data = scratch_.path().string();
    options_.size = options_.resize = 8;
    options_.augment = false;
  }
  TrainingData open() const { return open_training_data(options_, nullptr); }

  /// MNIST's pair of files: black pictures of `height` x 2 pixels with these labels.
  void write_idx(const std::string& part, const std::string& labels, char height = 2) const {
    using namespace std::literals;
    const auto count = static_cast<char>(labels.size());
    std::ofstream(scratch_ / (part + "-images-idx3-ubyte"), std::ios::binary)
        << "\0\0\x08\x03\0\0\0"s << count << "\0\0\0"s << height << "\0\0\0\x02"s
        << std::string(2 * static_cast<std::size_t>(height) * labels.size(), '\0');
    std::ofstream(scratch_ / (part + "-labels-idx1-ubyte"), std::ios::binary)
        << "\0\0\x08\x01\0\0\0"s << count << labels;
  }
  void write_picture(const std::string& name) const {
    images::Image image(8, 8);
    std::fill_n(image.row(0), image.bytes(), std::uint8_t{90});
    fs::create_directories(fs::path(scratch_ / name).parent_path());
    images::write_jpeg(scratch_ / name, image);
  }
  void write_text(const std::string& name, const std::string& text) const { std::ofstream(scratch_ / name) << text; }

  rensa::testing::ScratchFolder scratch_;
  TrainOptions options_;
};

TEST_F(TrainingDataTest, ALabelThatNoTrainingPictureHasIsRefused) {
  options_.arch = "mlp";
  write_idx("train", {0, 1});
  write_idx("t10k", {1, 5});
  EXPECT_THAT([&] { open(); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("t10k-labels-idx1-ubyte"), HasSubstr("label 5 of picture 1"))));
  write_idx("t10k", {1, 1});
  EXPECT_THAT(open().class_names, ElementsAre("0", "1"));
}

TEST_F(TrainingDataTest, TestPicturesOfAnotherSizeAreRefused) {
  for (const char* arch : {"mlp", "vgg_cifar"}) {
    options_.arch = arch;
    write_idx("train", {0, 1});
    write_idx("t10k", {1, 0}, 3);
    EXPECT_THAT([&] { open(); }, ThrowsMessage<FileError>(AllOf(HasSubstr(options_.data), HasSubstr("are 2 x 2 x 1 "),
                                                                HasSubstr("are 3 x 2 x 1."))));
  }
}

TEST_F(TrainingDataTest, AListComesBeforeAFolderOfItsName) {
  for (const char* part : {"train", "val"}) {
    for (const char* file : {"/part0/a.jpg", "/part0/b.jpg"}) write_picture(part + std::string(file));
    write_text(part + std::string(".txt"), part + std::string("/part0/a.jpg 2\n") + part + "/part0/b.jpg 0\n");
  }
  const TrainingData data = open();
  EXPECT_THAT(data.class_names, ElementsAre("0", "1", "2"));
  EXPECT_EQ(photograph_classes(options_.data), data.class_names);
  for (const auto& set : {data.train, data.validation}) {
    ASSERT_EQ(set->size(), 2);
    EXPECT_EQ(set->get(0, {}).at(1).item<std::int32_t>(), 2);
    EXPECT_EQ(set->get(1, {}).at(1).item<std::int32_t>(), 0);
  }
}

TEST_F(TrainingDataTest, AFolderHoldsOneKindOfData) {
  EXPECT_THAT([&] { kind_of_data(scratch_ / "none"); }, ThrowsMessage<FileError>(HasSubstr("no such folder")));
  EXPECT_THAT([&] { open(); }, ThrowsMessage<FileError>(HasSubstr("found none of them")));
  write_picture("train/a/1.jpg");
  EXPECT_EQ(kind_of_data(options_.data), DataKind::kPhotographs);
  EXPECT_THAT([&] { open(); }, ThrowsMessage<FileError>(AllOf(HasSubstr("\"val\""), HasSubstr("val-*.tar"))));
  write_text("data_batch_1.bin", "");
  EXPECT_THAT([&] { open(); }, ThrowsMessage<FileError>(AllOf(HasSubstr("CIFAR-10"), HasSubstr("train/"))));
  fs::remove_all(scratch_ / "train");
  EXPECT_EQ(kind_of_data(options_.data), DataKind::kCifar);
}

}  // namespace
}  // namespace rensa::tools
