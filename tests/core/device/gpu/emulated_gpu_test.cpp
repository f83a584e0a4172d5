#include "tests/support/emulated_gpu.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "core/array/array.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/memory.h"
#include "core/kernels/softmax.h"
#include "tests/support/simulated_driver.h"

namespace rensa::testing {
namespace {

using ::testing::ElementsAre;

constexpr Device kFirst{DeviceKind::kCuda, 0}, kSecond{DeviceKind::kCuda, 1};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the groups of the expression match, everywhere in the text.
void add_matches(const std::string& text, const std::regex& expression, std::set<std::string>& to) {
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) to.insert((*at)[1]);
}

TEST(EmulatedGpusTest, KernelsComputeWhereTheHostCannotTouch) {
  const EmulatedGpus gpus;
  const Array x = array<float>({1, 2, 3}).to(kFirst), y = kernels::add(x, x);
  EXPECT_EQ(y.device(), kFirst);
  EXPECT_THAT(to_vector<float>(y), ElementsAre(2, 4, 6));
  EXPECT_DEATH(*static_cast<volatile float*>(y.raw_data()) = 1, "EmulatedGpusTest.KernelsComputeWhereTheHost");
}

TEST(EmulatedGpusTest, AKernelWritesIntoItsArgument) {
  const EmulatedGpus gpus;
  const Array x = array<float>({1, 2, 3, 4}, {2, 2}).to(kFirst);
  kernels::fill(x.select(1, 1), 9);
  EXPECT_THAT(to_vector<float>(x), ElementsAre(1, 9, 3, 9));
}

TEST(EmulatedGpusTest, ArraysOfTwoDevicesAreRefusedInsideOfStructuresToo) {
  const EmulatedGpus gpus(2);
  const Array x = ones({2, 3}).to(kFirst), t = array<std::int32_t>({0, 1});
  EXPECT_THROW(kernels::add(x, x.to(kSecond)), DeviceError);
  EXPECT_THROW(kernels::softmax_cross_entropy(x, {.t = t}), std::logic_error);
  EXPECT_NO_THROW(kernels::softmax_cross_entropy(x, {.t = t.to(kFirst)}));
}

TEST(EmulatedGpusTest, LeavesNoKernelsBehind) {
  {
    const EmulatedGpus gpus;
  }
  const SimulatedDevices simulated;
  const Array x = empty({4}, Dtype::kFloat32, kFirst);
  EXPECT_THROW(kernels::add(x, x), DeviceError);
}

TEST(EmulatedGpusTest, HasTheKernelsOfThePlugin) {
  std::set<std::string> emulated, there;
  add_matches(text_of(RENSA_SOURCE_DIR "/tests/support/emulated_gpu.cpp"), std::regex("&k::(\\w+)"), emulated);
  for (const auto& file : std::filesystem::directory_iterator(RENSA_SOURCE_DIR "/core/kernels/cuda")) {
    const std::string text = text_of(file.path());
    add_matches(text, std::regex("\\nconst Implementation \\w+\\((\\w+),"), there);
    add_matches(text, std::regex("\\nconst (?:cuda::)?Differentiated<[\\w:]+, (\\w+)[^>]*>"), there);
  }
  EXPECT_GT(there.size(), 100u);
  EXPECT_EQ(emulated, there);
}

}  // namespace
}  // namespace rensa::testing
