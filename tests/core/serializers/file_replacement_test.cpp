#include "core/serializers/file_replacement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::ptrdiff_t files_in(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), {}); }

TEST(FileReplacementTest, ShowsTheNewFileAtCommitAlone) {
  const testing::ScratchFolder folder;
  const std::string path = folder / "file";
  replace_file(path, "old");
  FileReplacement file(path);
  std::ofstream(file.path()) << "new";
  EXPECT_EQ(contents(path), "old");
  file.commit();
  EXPECT_EQ(contents(path), "new");
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(FileReplacementTest, LeavesNothingWithoutCommit) {
  const testing::ScratchFolder folder;
  const std::string path = folder / "file";
  replace_file(path, "old");
  {
    const FileReplacement file(path);
    std::ofstream(file.path()) << "half";
    EXPECT_EQ(files_in(folder.path()), 2);
  }
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(FileReplacementTest, KeepsTheTargetThatCannotBeReplaced) {
  const testing::ScratchFolder folder;
  const std::string path = folder / "target";
  fs::create_directories(folder / "target/full");  // no file takes the place of a folder
  EXPECT_THAT([&] { replace_file(path, "new"); }, ThrowsMessage<FileError>(HasSubstr("target: cannot be replaced")));
  EXPECT_TRUE(fs::is_directory(folder / "target/full"));
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(FileReplacementTest, SaysWhyItCannotBeWritten) {
  const testing::ScratchFolder folder;
  EXPECT_THAT([&] { replace_file(folder / "none/file", "new"); },
              ThrowsMessage<FileError>(HasSubstr("file: cannot be written: No such file or directory")));
}

TEST(FileReplacementTest, NeedsNoLeaveToListTheFolder) {
  const testing::ScratchFolder folder;
  const std::string path = folder / "file";
  fs::permissions(folder.path(), fs::perms::owner_write | fs::perms::owner_exec);
  EXPECT_NO_THROW(replace_file(path, "new"));
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_EQ(contents(path), "new");
}

}  // namespace
}  // namespace rensa
