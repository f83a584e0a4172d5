#include "trainer/datasets/image_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_dataset.h"
#include "trainer/datasets/tar_shards.h"
#include "trainer/images/image_error.h"
#include "trainer/images/jpeg_writer.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

/// Three classes of pictures of different sizes.
class ImageSourceTest : public ::testing::Test {
 protected:
  ImageSourceTest() {
    for (const char* name : {"tulip/1.jpg", "tulip/a b.jpg", "daisy/1.jpg", "rose/1.jpg", "rose/2.jpg"}) {
      images::Image image(8, 8 + static_cast<int>(count_++));
      std::fill_n(image.row(0), image.bytes(), static_cast<std::uint8_t>(20 * count_));
      fs::create_directories(fs::path(folder() + "/" + name).parent_path());
      images::write_jpeg(folder() + "/" + name, image);
    }
  }
  std::string folder() const { return scratch_ / "set"; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(scratch_ / name) << text; }
  /// File contents by label, whatever the order.
  static std::multiset<std::pair<std::int32_t, std::string>> contents(const ImageSource& source) {
    std::multiset<std::pair<std::int32_t, std::string>> all;
    for (std::int64_t i = 0; i < source.size(); ++i) {
      const std::vector<std::uint8_t> bytes = source.read(i);
      all.emplace(source.label(i), std::string(bytes.begin(), bytes.end()));
    }
    return all;
  }
  /// A tar archive of files that were written to the scratch folder.
  std::string tar(const std::string& name, const std::string& files) const {
    const std::string command = "tar -C '" + scratch_.path().string() + "' -cf '" + (scratch_ / name) + "' " + files;
    EXPECT_EQ(std::system(command.c_str()), 0);
    return scratch_ / name;
  }

  rensa::testing::ScratchFolder scratch_;
  std::size_t count_ = 0;
};

TEST_F(ImageSourceTest, AListGivesPathsWithBlanksAndLabels) {
  write("set/list.txt", "tulip/a b.jpg 2\r\n\nrose/1.jpg\t1\n  \n");
  const auto list = open_image_list(folder() + "/list.txt");
  ASSERT_EQ(list->size(), 2);
  EXPECT_EQ(list->name(0), folder() + "/tulip/a b.jpg");
  EXPECT_EQ(list->label(0), 2);
  EXPECT_EQ(list->label(1), 1);
  EXPECT_EQ(list->read(1), images::read_image_file(folder() + "/rose/1.jpg"));
  EXPECT_THAT(list->class_names(), ElementsAre("0", "1", "2"));
  write("elsewhere.txt", "rose/1.jpg 1\n");
  EXPECT_EQ(open_image_list(scratch_ / "elsewhere.txt", folder(), {"a", "b"})->name(0), folder() + "/rose/1.jpg");
}

TEST_F(ImageSourceTest, AListThatIsNoneIsRefusedWithItsLine) {
  const auto opened = [&](const std::string& text, std::vector<std::string> names = {}) {
    write("list.txt", text);
    return [this, names] { open_image_list(scratch_ / "list.txt", "", names); };
  };
  EXPECT_THAT(opened("a.jpg 1\nb.jpg one\n"),
              ThrowsMessage<FileError>(AllOf(HasSubstr("line 2"), HasSubstr("b.jpg one"))));
  EXPECT_THAT(opened("a.jpg\n"), ThrowsMessage<FileError>(HasSubstr("line 1")));
  EXPECT_THAT(opened("a.jpg -1\n"), ThrowsMessage<FileError>(HasSubstr("from 0")));
  EXPECT_THAT(opened("a.jpg 0\nb.jpg 10000001\n"),
              ThrowsMessage<FileError>(AllOf(HasSubstr("line 2"), HasSubstr("0 to 10000000"))));
  EXPECT_THAT(opened(" 3\n"), ThrowsMessage<FileError>(HasSubstr("line 1")));
  EXPECT_THAT(opened("\n"), ThrowsMessage<FileError>(HasSubstr("names no pictures")));
  EXPECT_THAT(opened("a.jpg 2\n", {"x", "y"}),
              ThrowsMessage<FileError>(AllOf(HasSubstr("label 2"), HasSubstr("0 to 1"))));
  EXPECT_THAT([&] { open_image_list(scratch_ / "absent.txt"); }, ThrowsMessage<FileError>(HasSubstr("no such file")));
}

TEST_F(ImageSourceTest, ShardsHoldThePicturesOfTheFolderOnceEach) {
  const auto pictures = open_image_folder(folder());
  const auto shards = pack_tar_shards(*pictures, scratch_ / "out/train", {.shard_bytes = 1500, .seed = 3});
  EXPECT_GT(shards.size(), 1u);
  EXPECT_EQ(shards, list_tar_shards(scratch_ / "out/train"));
  const auto packed = open_tar_shards(shards);
  EXPECT_EQ(packed->class_names(), pictures->class_names());
  EXPECT_EQ(contents(*packed), contents(*pictures));
  EXPECT_THAT(packed->name(0), HasSubstr("train-000000.tar:00000000.jpg"));
  // the same seed gives the same bytes
  const auto again = pack_tar_shards(*pictures, scratch_ / "again/train", {.shard_bytes = 1500, .seed = 3});
  EXPECT_EQ(images::read_image_file(shards[0]), images::read_image_file(again[0]));
}

TEST_F(ImageSourceTest, PackingAgainLeavesNothingOfALargerPack) {
  const auto pictures = open_image_folder(folder());
  EXPECT_THAT(pack_tar_shards(*pictures, scratch_ / "out/train", {.shard_bytes = 1}), SizeIs(5));
  write("out/train-1.tar", "not one of ours");
  EXPECT_THAT(pack_tar_shards(*pictures, scratch_ / "out/train", {.shard_bytes = 1500}), SizeIs(2));
  EXPECT_THAT(
      list_tar_shards(scratch_ / "out/train"),
      ElementsAre(scratch_ / "out/train-000000.tar", scratch_ / "out/train-000001.tar", scratch_ / "out/train-1.tar"));
}

TEST_F(ImageSourceTest, APackThatFailsLeavesTheOldOneWhole) {
  const auto pictures = open_image_folder(folder());
  const auto shards = pack_tar_shards(*pictures, scratch_ / "out/train", {.shard_bytes = 1500, .seed = 3});
  const auto files = [&] {
    std::set<std::pair<std::string, std::vector<std::uint8_t>>> all;
    for (const auto& entry : fs::directory_iterator(scratch_ / "out")) {
      all.emplace(entry.path(), images::read_image_file(entry.path()));
    }
    return all;
  };
  const auto before = files();
  fs::remove(folder() + "/tulip/a b.jpg");
  EXPECT_ANY_THROW(pack_tar_shards(*pictures, scratch_ / "out/train", {.shard_bytes = 1, .seed = 4}));
  EXPECT_EQ(files(), before);
}

TEST_F(ImageSourceTest, ShardsOfOtherProgramsAreRead) {
  write("x.cls", "1\n");
  write("y.cls", "0");
  write("y.json", "{}");
  fs::copy_file(folder() + "/rose/1.jpg", scratch_ / "x.jpg");
  const std::string long_name = std::string(180, 'n');
  fs::create_directories(scratch_ / "deep");
  write("deep/" + long_name + ".cls", "4");
  fs::copy_file(folder() + "/rose/2.jpg", scratch_ / ("deep/" + long_name + ".jpeg"));
  fs::copy_file(folder() + "/tulip/1.jpg", scratch_ / "y.jpg");
  for (const char* format : {"gnu", "pax", "ustar"}) {
    if (std::string(format) == "ustar") fs::remove_all(scratch_ / "deep");  // its names are shorter
    const bool deep = fs::exists(scratch_ / "deep");
    const auto source = open_tar_shards({tar(
        "other.tar", std::string("--format=") + format + " x.cls x.jpg y.jpg y.json y.cls" + (deep ? " deep" : ""))});
    ASSERT_EQ(source->size(), deep ? 3 : 2) << format;
    EXPECT_EQ(source->read(0), images::read_image_file(folder() + "/rose/1.jpg")) << format;
    EXPECT_EQ(source->label(1), 0) << format;
    if (deep) {
      EXPECT_EQ(source->read(2), images::read_image_file(folder() + "/rose/2.jpg")) << format;
      EXPECT_EQ(source->label(2), 4) << format;
    }
  }
}

TEST_F(ImageSourceTest, OtherPartsOfASampleAreNoPicturesOfIt) {
  write("x.cls", "1");
  for (const char* name : {"x.JPG", "x.mask.jpg"}) fs::copy_file(folder() + "/rose/1.jpg", scratch_ / name);
  const auto source = open_tar_shards({tar("masks.tar", "x.JPG x.mask.jpg x.cls")});
  ASSERT_EQ(source->size(), 1);
  EXPECT_THAT(source->name(0), HasSubstr("x.JPG"));
}

TEST_F(ImageSourceTest, AHardLinkIsTheFileThatItNamesAndASymbolicOneIsRefused) {
  fs::copy_file(folder() + "/rose/1.jpg", scratch_ / "x.jpg");
  write("x.cls", "1");
  fs::create_hard_link(scratch_ / "x.jpg", scratch_ / "y.jpg");
  fs::create_hard_link(scratch_ / "x.cls", scratch_ / "y.cls");
  const auto source = open_tar_shards({tar("hard.tar", "x.jpg x.cls y.jpg y.cls")});
  ASSERT_EQ(source->size(), 2);
  EXPECT_EQ(source->read(1), images::read_image_file(folder() + "/rose/1.jpg"));
  EXPECT_EQ(source->label(1), 1);
  fs::create_symlink("x.jpg", scratch_ / "z.jpg");
  EXPECT_THAT([&] { open_tar_shards({tar("symbolic.tar", "x.jpg x.cls z.jpg")}); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("z.jpg is a symbolic link"), HasSubstr("--dereference"))));
}

TEST_F(ImageSourceTest, MoreShardsAreReadThanTheSoftLimitOfOpenFiles) {
  const std::string shard = pack_tar_shards(*open_image_folder(folder()), scratch_ / "out/train").front();
  std::vector<std::string> shards;
  for (int i = 0; i < 40; ++i) fs::copy_file(shard, shards.emplace_back(scratch_ / (std::to_string(i) + ".tar")));
  const auto open_files = std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(open_files) + 20;
  setrlimit(RLIMIT_NOFILE, &low);
  EXPECT_EQ(open_tar_shards(shards)->size(), 5 * 40);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(ImageSourceTest, ShardsThatAreNoneAreNamed) {
  fs::copy_file(folder() + "/rose/1.jpg", scratch_ / "x.jpg");
  EXPECT_THAT([&] { open_tar_shards({tar("1.tar", "x.jpg")}); },
              ThrowsMessage<FileError>(HasSubstr("x.jpg has no x.cls")));
  write("x.cls", "rose");
  EXPECT_THAT([&] { open_tar_shards({tar("2.tar", "x.jpg x.cls")}); }, ThrowsMessage<FileError>(HasSubstr("\"rose\"")));
  write("x.cls", "10000001");
  EXPECT_THAT([&] { open_tar_shards({tar("large.tar", "x.jpg x.cls")}); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("x.cls holds \"10000001\""), HasSubstr("0 to 10000000"))));
  write("x.cls", "7");
  EXPECT_THAT([&] { open_tar_shards({tar("3.tar", "x.jpg x.cls")}, {"a", "b"}); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("3.tar:x.jpg"), HasSubstr("label 7"))));
  write("4.tar", std::string(2000, 'x'));
  EXPECT_THAT([&] { open_tar_shards({scratch_ / "4.tar"}); },
              ThrowsMessage<FileError>(HasSubstr("4.tar: is not a whole")));
  EXPECT_THAT([&] { open_tar_shards({scratch_ / "absent.tar"}); }, ThrowsMessage<FileError>(HasSubstr("absent.tar")));
  const std::string cut = tar("5.tar", "x.cls x.jpg");
  const auto source = open_tar_shards({cut}, numbers_as_names(9));
  fs::resize_file(cut, 1600);
  EXPECT_THAT([&] { source->read(0); }, ThrowsMessage<images::ImageError>(HasSubstr("5.tar:x.jpg")));
  EXPECT_THAT([&] { open_tar_shards({cut}, numbers_as_names(9)); },
              ThrowsMessage<FileError>(HasSubstr("5.tar: is not a whole")));
}

TEST_F(ImageSourceTest, WhatIsKeptInMemoryNeedsNoFileAnyMore) {
  const auto kept = keep_in_memory(open_image_folder(folder()), 1 << 20);
  const auto before = contents(*kept);
  const auto little = keep_in_memory(open_image_folder(folder()), static_cast<std::int64_t>(kept->read(0).size()));
  contents(*little);
  fs::remove_all(folder());
  EXPECT_EQ(contents(*kept), before);
  EXPECT_THAT(little->read(0), SizeIs(kept->read(0).size()));
  EXPECT_THROW(little->read(1), images::ImageError);
}

TEST_F(ImageSourceTest, AnImageDatasetTakesAnyOfThem) {
  const ImageDatasetOptions form{.train = false, .crop = {.size = 8}, .resize = 8};
  const ImageDataset from_folder(open_image_folder(folder()), form);
  const ImageDataset from_shards(
      open_tar_shards(pack_tar_shards(*open_image_folder(folder()), scratch_ / "out/val", {.shuffle = false})), form);
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(to_vector<float>(from_folder.get(i, {})[0]), to_vector<float>(from_shards.get(i, {})[0]));
    EXPECT_EQ(from_folder.label(i), from_shards.label(i));
  }
}

}  // namespace
}  // namespace rensa
