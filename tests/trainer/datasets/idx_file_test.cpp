#include "trainer/datasets/idx_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/data_folder.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/picture_table.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using namespace std::literals;

const std::string kImages =
    "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03"
    "abcdef"s;  // 2 pictures of 1 x 3
const std::string kLabels = "\0\0\x08\x01\0\0\0\x02\x01\0"s;

class IdxTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(scratch_ / name, std::ios::binary) << bytes;
    return scratch_ / name;
  }
  std::string write_gz(const std::string& name, const std::string& bytes) {
    gzFile file = gzopen((scratch_ / name).c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    return scratch_ / name;
  }
  std::string read_back(const std::string& name) {
    std::ifstream file(scratch_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static auto reading(const std::string& path, int axes) {
    return [=] { read_idx(path, axes); };
  }
  rensa::testing::ScratchFolder scratch_;
};

TEST_F(IdxTest, ReadsPlainAndCompressedFiles) {
  for (const std::string& path : {write("a", kImages), write_gz("a.gz", kImages)}) {
    const IdxFile idx = read_idx(path, 3);
    EXPECT_THAT(idx.shape, ElementsAre(2, 1, 3));
    EXPECT_THAT(idx.values, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  }
}
TEST_F(IdxTest, WrongMagicNumberIsNamed) {
  EXPECT_THAT(reading(write("labels", kLabels), 3),
              ThrowsMessage<FileError>(AllOf(HasSubstr("labels"), HasSubstr("0x00000803"), HasSubstr("0x00000801"))));
}
TEST_F(IdxTest, CutOffFilesAreRefusedAtEveryLength) {
  for (std::size_t size = 0; size < kImages.size(); ++size) {
    EXPECT_THROW(read_idx(write("cut", kImages.substr(0, size)), 3), FileError) << size;
  }
  EXPECT_THAT(reading(write("cut", kImages.substr(0, kImages.size() - 2)), 3),
              ThrowsMessage<FileError>(AllOf(HasSubstr("cut off"), HasSubstr("6 bytes"), HasSubstr("found 4"))));
}
TEST_F(IdxTest, CutOffCompressedFilesAreRefusedAtEveryLength) {
  write_gz("a.gz", kImages);
  const std::string bytes = read_back("a.gz");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(read_idx(write("cut.gz", bytes.substr(0, size)), 3), FileError) << size;
  }
}
TEST_F(IdxTest, DamagedCompressedDataIsRefused) {
  write_gz("a.gz", kImages);
  std::string bytes = read_back("a.gz");
  bytes[bytes.size() - 6] ^= 1;  // in gzip's checksum
  EXPECT_THAT(reading(write("bad.gz", bytes), 3), ThrowsMessage<FileError>(HasSubstr("damaged")));
}
TEST_F(IdxTest, BytesAfterTheEndAreRefused) {
  EXPECT_THAT(reading(write("long", kImages + "x"), 3), ThrowsMessage<FileError>(HasSubstr("after its last element")));
}
TEST_F(IdxTest, AbsurdSizesAreRefusedWithoutAllocating) {
  EXPECT_THAT(reading(write("huge", "\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s), 3),
              ThrowsMessage<FileError>(HasSubstr("cannot be right")));
}
TEST_F(IdxTest, AFileAsksForTheMemoryOfItsBytesNotOfItsHeader) {  // 2^36 of them, more than a machine gives
  EXPECT_THAT(reading(write("announced", "\0\0\x08\x03\0\x01\0\0\0\x01\0\0\0\0\0\x10"s + "abcd"), 3),
              ThrowsMessage<FileError>(AllOf(HasSubstr("cut off"), HasSubstr("found 4"))));
}
TEST_F(IdxTest, MissingFileIsNamed) {
  EXPECT_THAT(reading(scratch_ / "absent", 1),
              ThrowsMessage<FileError>(AllOf(HasSubstr("absent"), HasSubstr("No such file"))));
}
TEST_F(IdxTest, PairOfDifferentCountsIsRefused) {
  const std::string images = write("i", kImages), labels = write("l", "\0\0\x08\x01\0\0\0\x03\x01\0\x02"s);
  EXPECT_THAT([&] { read_idx_pair(images, labels); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("2 pictures"), HasSubstr("3 labels"))));
}
TEST_F(IdxTest, LabelBeyondTheClassesIsRefused) {
  const std::string images = write("i", kImages), labels = write("l", "\0\0\x08\x01\0\0\0\x02\x01\x05"s);
  EXPECT_THAT([&] { read_idx_pair(images, labels, {"a", "b"}); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("label 5 of picture 1"), HasSubstr("0 to 1"))));
}
TEST_F(IdxTest, MissingFolderIsNamed) {
  EXPECT_THAT([&] { read_idx_folder(scratch_ / "nowhere", Split::kTrain); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("nowhere"), HasSubstr("no such folder"))));
  EXPECT_THAT([&] { read_idx_folder(scratch_.path().string(), Split::kTest); },
              ThrowsMessage<FileError>(HasSubstr("t10k-images-idx3-ubyte")));
}

TEST(KuzushijiMnistTest, HasTenLetters) {
  EXPECT_EQ(kuzushiji_mnist_class_names().size(), 10u);
  EXPECT_EQ(kuzushiji_mnist_class_names().back(), "wo");
}

TEST(FashionMnistTest, HasTheKnownCountsAndLabels) {
  const std::string folder = rensa::testing::data_folder("fashion-mnist");
  if (folder.empty()) GTEST_SKIP() << "there is no folder fashion-mnist under $RENSA_DATA";
  const PictureTable train = read_idx_folder(folder, Split::kTrain, fashion_mnist_class_names());
  EXPECT_EQ(train.count(), 60000);
  EXPECT_EQ(train.height * train.width * train.channels, 784);
  EXPECT_THAT(std::vector<int>(train.labels.begin(), train.labels.begin() + 5), ElementsAre(9, 0, 0, 3, 0));
  EXPECT_EQ(train.class_names.at(9), "ankle boot");
  EXPECT_EQ(read_idx_folder(folder, Split::kTest).count(), 10000);
}

}  // namespace
}  // namespace rensa
