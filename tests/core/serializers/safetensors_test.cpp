#include "core/serializers/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A file with that header and `bytes` bytes behind it.
std::string file_of(const testing::ScratchFolder& folder, const std::string& header, std::size_t bytes) {
  const std::string path = (folder.path() / "x.safetensors").string();
  std::ofstream out(path, std::ios::binary);
  const std::uint64_t length = header.size();
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header << std::string(bytes, '\0');
  return path;
}

TEST(SafetensorsTest, GivesBackEveryDtypeAndShape) {
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.safetensors").string();
  std::vector<std::pair<std::string, Array>> saved;
  for (const Dtype dtype : {Dtype::kBool, Dtype::kUInt8, Dtype::kInt8, Dtype::kInt32, Dtype::kInt64, Dtype::kFloat16,
                            Dtype::kBFloat16, Dtype::kFloat32, Dtype::kFloat64}) {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{2, 3, 2}}) {
      saved.emplace_back("tensor." + std::to_string(saved.size()), full(shape, 1, dtype));
    }
  }
  saved.emplace_back("transposed", array<float>({1, 2, 3, 4, 5, 6}, {2, 3}).transpose());
  save_safetensors(path, saved, {{"format", "pt"}});
  const SafetensorsReader reader(path);
  EXPECT_EQ(reader.metadata().at("format"), "pt");
  EXPECT_EQ(reader.tensors().size(), saved.size());
  for (const auto& [name, values] : saved) {
    const Array loaded = reader.array(name);
    EXPECT_EQ(loaded.dtype(), values.dtype());
    EXPECT_EQ(loaded.shape(), values.shape());
    EXPECT_EQ(to_vector<double>(loaded), to_vector<double>(values)) << name;
  }
  EXPECT_THAT([&] { (void)reader.array("none"); }, ThrowsMessage<FileError>(HasSubstr("\"none\"")));
}

TEST(SafetensorsTest, RefusesHeadersThatDoNotDescribeTheFile) {
  const testing::ScratchFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "not a safetensors file"},
      {"[]", "no JSON object"},
      {R"({"a": 3})", "not a safetensors file"},
      {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 16]}})", "should lie"},
      {R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})", "not what"},
      {R"({"a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}})", "not what"},
      {R"({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}})", "expected whole numbers"},
      {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}})", "should lie"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", "gap"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", "header tells of 4"},
      {R"({"a": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}})", "has the type C64"},
      {R"({"a": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,2], "data_offsets": [0, 8]}})", "9 axes"},
  };
  for (const auto& [header, message] : cases) {
    const std::string path = file_of(folder, header, 8);
    EXPECT_THAT([&] { SafetensorsReader reader(path); }, ThrowsMessage<FileError>(HasSubstr(message))) << header;
  }
}

TEST(SafetensorsTest, RefusesAFileCutShortAnywhere) {
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.safetensors").string();
  save_safetensors(path, {{"a", ones({3})}, {"b", ones({2, 2}, Dtype::kFloat64)}});
  for (auto size = std::filesystem::file_size(path); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    EXPECT_THROW(SafetensorsReader reader(path), FileError) << size << " bytes";
  }
}

}  // namespace
}  // namespace rensa
