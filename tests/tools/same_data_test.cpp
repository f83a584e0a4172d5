#include "tools/train/same_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"

namespace rensa::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class SameDataTest : public ::testing::Test {
 protected:
  /// A folder of empty files: summaries read none of them.
  std::string folder(const std::string& name, const std::vector<std::string>& files) const {
    const std::filesystem::path root = scratch_ / name;
    for (const std::string& file : files) {
      std::filesystem::create_directories((root / file).parent_path());
      std::ofstream(root / file).put(' ');
    }
    return root.string();
  }
  DataSummary pictures(const std::string& root) const { return summary_of(*open_image_folder(root), root); }

  rensa::testing::ScratchFolder scratch_;
};

TEST_F(SameDataTest, FoldersOfTheSamePicturesInDifferentPlacesAreTheSame) {
  const std::string a = folder("a", {"cat/1.jpg", "dog/2.jpg"}), b = folder("longer_name", {"cat/1.jpg", "dog/2.jpg"});
  run_on_threads(3, [&](Communicator& comm) {
    EXPECT_NO_THROW(check_same_data(pictures(comm.rank() == 1 ? a : b), "training", a, comm));
  });
  EXPECT_EQ(pictures(a).hash, summary_of(*open_image_folder(a), a + "/").hash);
}

TEST_F(SameDataTest, ARankThatLacksAPictureIsNamedOnAllRanks) {
  const std::string whole = folder("whole", {"cat/1.jpg", "cat/2.jpg"}), part = folder("part", {"cat/1.jpg"});
  run_on_threads(3, [&](Communicator& comm) {
    const DataSummary mine = pictures(comm.rank() == 2 ? part : whole);
    EXPECT_THAT([&] { check_same_data(mine, "training", whole, comm); },
                ThrowsMessage<FileError>(AllOf(HasSubstr("rank 2 of 3"), HasSubstr("has 1 training pictures"),
                                               HasSubstr("rank 0 of 3"), HasSubstr("has 2"))));
  });
}

TEST_F(SameDataTest, AsManyOtherPicturesAreFound) {
  const std::string a = folder("a", {"cat/1.jpg", "dog/2.jpg"});
  for (const std::string& other :
       {folder("renamed", {"cat/1.jpg", "dog/3.jpg"}), folder("moved", {"cat/1.jpg", "cat/2.jpg"}),
        folder("class", {"cow/1.jpg", "dog/2.jpg"})}) {
    run_on_threads(2, [&](Communicator& comm) {
      const DataSummary mine = pictures(comm.rank() == 1 ? other : a);
      EXPECT_THAT([&] { check_same_data(mine, "validation", a, comm); },
                  ThrowsMessage<FileError>(AllOf(HasSubstr("rank 1 of 2"), HasSubstr("other validation pictures"))))
          << other;
    });
  }
}

TEST_F(SameDataTest, PicturesInMemoryDifferByAPixelOrALabel) {
  const PictureTable table{
      .height = 1, .width = 2, .channels = 1, .pixels = {1, 2, 3, 4}, .labels = {0, 1}, .class_names = {"a", "b"}};
  PictureTable pixel = table, label = table;
  pixel.pixels[3] = 5;
  label.labels[0] = 1;
  EXPECT_EQ(summary_of(table).pictures, 2);
  EXPECT_EQ(summary_of(table).hash, summary_of(PictureTable(table)).hash);
  EXPECT_NE(summary_of(table).hash, summary_of(pixel).hash);
  EXPECT_NE(summary_of(table).hash, summary_of(label).hash);
}

}  // namespace
}  // namespace rensa::tools
