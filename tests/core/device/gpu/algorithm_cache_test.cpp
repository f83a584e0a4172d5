#include "core/device/gpu/algorithm_cache.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_folder.h"

namespace rensa::gpu {
namespace {

TEST(AlgorithmCacheTest, WhatWasMeasuredIsNotMeasuredAgain) {
  const testing::ScratchFolder folder;
  const std::filesystem::path file = folder.path() / "new folder" / "choices.json";
  int measured = 0;
  const auto measure = [&] {
    ++measured;
    return AlgorithmChoice{.algorithm = 3, .math = 1, .workspace_bytes = 4096};
  };
  const AlgorithmChoice first = AlgorithmCache(file).find_or_measure("forward x(1, 2)", measure);
  AlgorithmCache again(file);
  EXPECT_EQ(again.find_or_measure("forward x(1, 2)", measure), first);
  EXPECT_EQ(measured, 1);
  EXPECT_FALSE(again.find("forward x(1, 3)"));
}

TEST(AlgorithmCacheTest, ProcessesThatShareAFileKeepEachOthersChoices) {
  const testing::ScratchFolder folder;
  const std::filesystem::path file = folder.path() / "choices.json";
  AlgorithmCache one(file), other(file);
  one.store("a", {1, 0, 0});
  other.store("b", {2, 0, 0});
  AlgorithmCache later(file);
  EXPECT_EQ(later.find("a")->algorithm, 1);
  EXPECT_EQ(later.find("b")->algorithm, 2);
}

TEST(AlgorithmCacheTest, ADamagedFileIsAsNone) {
  const testing::ScratchFolder folder;
  const std::filesystem::path file = folder.path() / "choices.json";
  std::ofstream(file) << R"({"a": [1, "x", 0], "b": [2, 0, 8], "c": 5)";
  EXPECT_FALSE(AlgorithmCache(file).find("b"));
  std::ofstream(file) << R"({"a": [1, "x", 0], "b": [2, 0, 8], "c": 5})";
  AlgorithmCache cache(file);
  EXPECT_FALSE(cache.find("a"));
  EXPECT_EQ(cache.find("b")->workspace_bytes, 8u);
  cache.store("d", {4, 0, 0});
  EXPECT_TRUE(AlgorithmCache(file).find("d"));
}

TEST(AlgorithmCacheTest, WithoutAFileItLastsAsLongAsTheProcess) {
  AlgorithmCache cache("");
  cache.store("a", {1, 0, 0});
  EXPECT_TRUE(cache.find("a"));
}

}  // namespace
}  // namespace rensa::gpu
