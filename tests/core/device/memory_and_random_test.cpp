#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "core/array/array.h"
#include "core/device/allocator.h"
#include "core/device/random.h"
#include "core/error.h"

namespace rensa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(CachingAllocatorTest, BlocksInUseNeverOverlap) {
  struct Block {
    unsigned char* data;
    std::size_t bytes;
    unsigned char mark;
  };
  Allocator& cpu = allocator({});
  std::mt19937 random(1);
  std::vector<Block> blocks;
  const auto give_back = [&](std::size_t i) {
    const Block block = blocks[i];
    for (std::size_t b = 0; b < block.bytes; ++b) ASSERT_EQ(block.data[b], block.mark);
    cpu.deallocate(block.data, block.bytes);
    blocks[i] = blocks.back();
    blocks.pop_back();
  };
  for (int step = 0; step < 2000; ++step) {
    if (blocks.size() > 40 || (!blocks.empty() && random() % 3 == 0)) give_back(random() % blocks.size());
    const std::size_t bytes = 1 + random() % (random() % 2 ? 2000 : 60000);
    auto* data = static_cast<unsigned char*>(cpu.allocate(bytes));
    ASSERT_EQ(reinterpret_cast<std::size_t>(data) % 64, 0u);
    const auto mark = static_cast<unsigned char>(step);
    std::memset(data, mark, bytes);
    blocks.push_back({data, bytes, mark});
  }
  while (!blocks.empty()) give_back(0);
}

TEST(CachingAllocatorTest, RefusesWhatIsOverTheLimitAndSaysWhatIsInUse) {
  Allocator& cpu = allocator({});
  const std::size_t before = cpu.statistics().in_use;
  cpu.set_limit(before + (1 << 20));
  EXPECT_THAT([] { empty({1 << 20}); }, ThrowsMessage<MemoryError>(HasSubstr("the limit is reached")));
  cpu.set_limit(0);
  const Array room = empty({1 << 20});
  EXPECT_EQ(cpu.statistics().in_use, before + (4 << 20));
}

TEST(CachingAllocatorTest, SmallBlocksMayBeFreedByAnotherThread) {
  for (int round = 0; round < 20; ++round) {
    std::vector<Array> made;
    std::thread([&] {
      for (int i = 0; i < 2000; ++i) made.push_back(zeros({16}));
    }).join();
    made.clear();
  }
}

TEST(DeviceTest, AnAbsentBackEndIsNamed) {
  EXPECT_THAT([] { empty({1}, Dtype::kFloat32, device_from_name("cuda:31")); },
              ThrowsMessage<DeviceError>(HasSubstr("cuda")));
  EXPECT_THAT([] { device_from_name("gpu"); }, ThrowsMessage<ValueError>(HasSubstr("cuda:<index>")));
}

TEST(RandomStreamTest, BlocksAreRandomAccessAndStreamsDiffer) {
  RandomStream a(1, Purpose::kShuffle, 2, 3), b(1, Purpose::kShuffle, 2, 3);
  const auto third = a.block(2);
  for (int i = 0; i < 8; ++i) b();
  EXPECT_EQ(b(), third[0]);
  EXPECT_NE(RandomStream(1, Purpose::kDropout, 2, 3)(), RandomStream(1, Purpose::kShuffle, 2, 3)());
  EXPECT_NE(RandomStream(1, Purpose::kShuffle, 3, 3)(), RandomStream(1, Purpose::kShuffle, 2, 3)());
}

TEST(RandomStreamTest, SkippingIsDrawingAndThrowingAway) {
  for (std::uint64_t before = 0; before < 6; ++before) {
    for (std::uint64_t words = 0; words < 14; ++words) {
      RandomStream drawn(7, Purpose::kUser), skipped(7, Purpose::kUser);
      for (std::uint64_t i = 0; i < before; ++i) drawn(), skipped();
      for (std::uint64_t i = 0; i < words; ++i) drawn();
      skipped.skip(words);
      for (int i = 0; i < 9; ++i) ASSERT_EQ(drawn(), skipped()) << before << " " << words << " " << i;
    }
  }
}

TEST(RandomStreamTest, PicksNothingWithoutAShare) {
  RandomStream random(3, Purpose::kUser);
  const std::vector<double> shares = {0, 0.1, 0, 0.2, 0};
  int ones = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::size_t picked = random.pick(shares);
    ASSERT_TRUE(picked == 1 || picked == 3) << picked;
    ones += picked == 1;
  }
  EXPECT_NEAR(ones, 1000, 150);
}

TEST(RandomStreamTest, UniformAndNormalHaveTheirMoments) {
  RandomStream random(5, Purpose::kUser);
  double sum = 0, squares = 0, uniform = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    uniform += random.uniform();
  }
  EXPECT_NEAR(sum / kCount, 0, 0.02);
  EXPECT_NEAR(squares / kCount, 1, 0.03);
  EXPECT_NEAR(uniform / kCount, 0.5, 0.01);
}

}  // namespace
}  // namespace rensa
