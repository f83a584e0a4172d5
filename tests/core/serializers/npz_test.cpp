#include "core/serializers/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "core/error.h"
#include "core/models/mlp.h"
#include "core/serializers/npy.h"
#include "tests/support/scratch_folder.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class NpzTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name = "x.npz") const { return (folder_.path() / name).string(); }

  /// A file with something of everything.
  void save(const std::string& to, std::int64_t number = 7, bool compress = false) const {
    NpzWriter writer;
    double real = 0.1;
    bool yes = true;
    std::string text = "Straße [1, 2] 連鎖";
    Array values = array<float>({1, 2, 3, 4, 5, 6}, {2, 3});
    writer("number", number);
    writer.child("a").child("/b/")("real", real);
    writer("yes", yes);
    writer("text", text);
    writer.child("a")("values", values);
    writer.save(to, compress);
  }
  static std::string read_file(const std::string& from) {
    std::ifstream file(from, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write_file(const std::string& to, const std::string& bytes) {
    std::ofstream(to, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  static std::int64_t number_in(const std::string& from) {
    NpzReader reader(from);
    std::int64_t number = 0;
    reader("number", number);
    return number;
  }

  testing::ScratchFolder folder_;
};

TEST_F(NpzTest, GivesBackWhatWasSaved) {
  for (const bool compress : {false, true}) {
    save(path(), std::numeric_limits<std::int64_t>::max(), compress);
    NpzReader reader(path());
    EXPECT_THAT(reader.keys(), ElementsAre("a/b/real", "a/values", "number", "text", "yes"));
    std::int64_t number = 0;
    double real = 0;
    bool yes = false;
    std::string text;
    Array values;
    reader("number", number);
    reader.child("a").child("b")("real", real);
    reader("yes", yes);
    reader("text", text);
    reader.child("a")("values", values);
    EXPECT_EQ(number, std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(real, 0.1);
    EXPECT_TRUE(yes);
    EXPECT_EQ(text, "Straße [1, 2] 連鎖");
    EXPECT_EQ(values.shape(), Shape({2, 3}));
    EXPECT_THAT(to_vector<float>(values), ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_TRUE(reader.has("yes"));
    EXPECT_FALSE(reader.has("no"));
  }
}

TEST_F(NpzTest, KeepsEveryDtypeAndShape) {
  NpzWriter writer;
  std::vector<Array> saved;
  for (const Dtype dtype : {Dtype::kBool, Dtype::kUInt8, Dtype::kInt8, Dtype::kInt32, Dtype::kInt64, Dtype::kFloat16,
                            Dtype::kFloat32, Dtype::kFloat64}) {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{2, 3, 2}}) {
      saved.push_back(full(shape, 1, dtype));
      writer(std::to_string(saved.size()), saved.back());
    }
  }
  writer.save(path());
  NpzReader reader(path());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    const Array loaded = reader.array(std::to_string(i + 1));
    EXPECT_EQ(loaded.dtype(), saved[i].dtype());
    EXPECT_EQ(loaded.shape(), saved[i].shape());
    EXPECT_EQ(to_vector<double>(loaded), to_vector<double>(saved[i]));
  }
}

TEST_F(NpzTest, SavesLinksUnderTheirPaths) {
  models::Mlp saved({.in = 3, .units = 4, .out = 2}), loaded({.in = 3, .units = 4, .out = 2});
  NpzWriter writer;
  saved.serialize(writer.child("updater").child("model:main"));
  writer.save(path());
  NpzReader reader(path(), "updater/model:main/");
  EXPECT_THAT(reader.keys(), ElementsAre("l1/W", "l1/b", "l2/W", "l2/b", "l3/W", "l3/b"));
  loaded.serialize(reader);
  for (std::size_t i = 0; i < saved.parameters().size(); ++i) {
    EXPECT_EQ(to_vector<float>(loaded.parameters()[i]->array()), to_vector<float>(saved.parameters()[i]->array()));
  }
  models::Mlp wider({.in = 3, .units = 5, .out = 2});
  EXPECT_THAT([&] { wider.serialize(reader); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("l1/W"), HasSubstr("(4, 3)"), HasSubstr("(5, 3)"))));
}

TEST_F(NpzTest, RefusesAFileWithAnyByteFlipped) {
  save(path());
  const std::string whole = read_file(path());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    write_file(path("changed.npz"), changed);
    EXPECT_THROW(NpzReader(path("changed.npz")), FileError) << "byte " << i;
  }
}

TEST_F(NpzTest, RefusesAFileOfNumpysWithAByteOfAMemberFlipped) {
  for (const char* name : {"expected.npz", "fresh.npz"}) {  // stored and packed
    std::string bytes = read_file(std::string(RENSA_SOURCE_DIR "/tests/fixtures/chainer/") + name);
    write_file(path(), bytes);
    EXPECT_NO_THROW(NpzReader{path()}) << name;
    bytes[200] = static_cast<char>(bytes[200] ^ 0x10);  // of the first member's data
    write_file(path(), bytes);
    EXPECT_THAT([&] { NpzReader{path()}; }, ThrowsMessage<FileError>(HasSubstr("the member is damaged"))) << name;
  }
}

TEST_F(NpzTest, RefusesAFileCutShortAnywhere) {
  save(path());
  const std::string whole = read_file(path());
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write_file(path("cut.npz"), whole.substr(0, size));
    EXPECT_THROW(NpzReader(path("cut.npz")), FileError) << size << " bytes";
  }
  EXPECT_THAT([&] { NpzReader(path("none.npz")); }, ThrowsMessage<FileError>(HasSubstr("no such file")));
}

TEST_F(NpzTest, AFullDiskLeavesTheOlderFileAsItWas) {
  save(path(), 1);
  // The system refuses to write more than 1 KiB to a file, as a full disk would.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 1024, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT([&] { save(path(), 2); }, ThrowsMessage<FileError>(HasSubstr("cannot be written")));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(number_in(path()), 1);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path())) ++files;
  EXPECT_EQ(files, 1) << "an unfinished file was left";
}

/// An .npy file with that description of its elements.
std::vector<std::byte> npy_bytes(const std::string& descr, const std::string& order, const std::string& shape,
                                 const std::string& payload) {
  std::string header = "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header.resize(118, ' ');
  std::string file = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + payload;
  const auto* const bytes = reinterpret_cast<const std::byte*>(file.data());
  return {bytes, bytes + file.size()};
}

TEST(NpyTest, ReadsEveryTypeThatChainerWrites) {
  const auto read = [](const std::string& descr, const std::string& order, const std::string& shape,
                       const std::string& payload) { return npy::read(npy_bytes(descr, order, shape, payload), "x"); };
  EXPECT_EQ(to_vector<double>(read("'<i2'", "False", "(2,)", std::string("\x01\x00\xff\xff", 4)).array),
            (std::vector<double>{1, -1}));
  EXPECT_EQ(to_vector<double>(read("'<u2'", "False", "(1,)", "\xff\xff").array), (std::vector<double>{65535}));
  EXPECT_EQ(to_vector<double>(read("'<u4'", "False", "()", "\xff\xff\xff\xff").array),
            (std::vector<double>{4294967295.0}));
  EXPECT_EQ(to_vector<double>(read("'|i1'", "True", "(2, 3)", std::string("\x01\x02\x03\x04\x05\x06")).array),
            (std::vector<double>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(read("'<U2'", "False", "()", std::string("a\0\0\0\x23\x90\0\0", 8)).text, "a連");
  const npy::Value none = read("'|O'", "False", "()", "anything at all");
  EXPECT_FALSE(none.is_text || none.array);
  EXPECT_FALSE(npy::read(npy::write_none(), "x").array);
}

TEST(NpyTest, RefusesWhatItsBytesDoNotHold) {
  const std::vector<std::array<std::string, 3>> cases = {{"'>f4'", "(1,)", "abcd"},
                                                         {"'<f4'", "(2,)", "abcd"},
                                                         {"'<f4'", "(4611686018427387904, 4)", ""},
                                                         {"'<f4'", "(4294967296, 4294967296)", ""},
                                                         {"'<c8'", "(1,)", "abcdefgh"},
                                                         {"'|O'", "(1,)", "pickle"},
                                                         {"'<U4'", "(2,)", std::string(32, 'a')},
                                                         {"'<U999999999'", "()", "a"},
                                                         {"[('a', '<f4')]", "(1,)", "abcd"}};
  for (const auto& [descr, shape, payload] : cases) {
    EXPECT_THROW(npy::read(npy_bytes(descr, "False", shape, payload), "x"), FileError) << descr << shape;
  }
}

TEST_F(NpzTest, NamesAMissingKeyAndAFolderThatIsNotThere) {
  save(path());
  NpzReader reader(path());
  std::int64_t number = 0;
  EXPECT_THAT([&] { reader.child("a")("other", number); }, ThrowsMessage<FileError>(HasSubstr("\"a/other\"")));
  EXPECT_THAT([&] { reader("text", number); }, ThrowsMessage<FileError>(HasSubstr("a text")));
  EXPECT_THROW(save(path("missing/x.npz")), FileError);
}

}  // namespace
}  // namespace rensa
