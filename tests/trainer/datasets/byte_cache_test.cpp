#include "trainer/datasets/byte_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/images/jpeg_writer.h"

namespace rensa {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes numbered(std::int64_t index, std::size_t size) { return Bytes(size, static_cast<std::uint8_t>(index)); }

Bytes kept(const ByteCache& cache, std::int64_t index) {
  Bytes found;
  cache.visit(index, [&](ByteCache::Bytes bytes) { found.assign(bytes.begin(), bytes.end()); });
  return found;
}

class ByteCacheTest : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<ByteCache> make(std::int64_t count, std::int64_t capacity) {
    return GetParam() ? make_node_cache(self, count, capacity) : make_memory_cache(count, capacity);
  }
  SelfCommunicator self;
};

TEST_P(ByteCacheTest, KeepsWhatFitsAndWhatCameFirst) {
  const auto cache = make(4, 100);
  ASSERT_TRUE(cache);
  EXPECT_FALSE(cache->visit(0, [](ByteCache::Bytes) { FAIL(); }));
  cache->put(0, {numbered(1, 60)});
  cache->put(0, {numbered(9, 10)});
  cache->put(1, {numbered(2, 50)});
  cache->put(2, {numbered(3, 30), numbered(4, 10)});
  EXPECT_EQ(kept(*cache, 0), numbered(1, 60));
  EXPECT_FALSE(cache->visit(1, [](ByteCache::Bytes) {}));
  EXPECT_EQ(kept(*cache, 2).size(), 40u);
  EXPECT_EQ(kept(*cache, 2).back(), 4);
  EXPECT_EQ(cache->bytes(), 100);
}

TEST_P(ByteCacheTest, ThreadsFindWhatOthersHavePut) {
  constexpr std::int64_t kCount = 200;
  const auto cache = make(kCount, kCount * 100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; i < kCount; ++i) {
        const std::int64_t index = (i * 7 + t * 50) % kCount;
        cache->visit(index, [&](ByteCache::Bytes bytes) {
          EXPECT_TRUE(
              std::ranges::all_of(bytes, [&](std::uint8_t b) { return b == static_cast<std::uint8_t>(index); }));
        });
        cache->put(index, {numbered(index, 100)});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::int64_t i = 0; i < kCount; ++i) EXPECT_EQ(kept(*cache, i), numbered(i, 100));
  EXPECT_EQ(cache->bytes(), kCount * 100);
}
INSTANTIATE_TEST_SUITE_P(Kinds, ByteCacheTest, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "node" : "memory"; });

TEST(NodeCacheTest, RanksOfANodeShareAndOthersDoNot) {
  run_on_threads(4,
                 [](Communicator& comm) {
                   const auto cache = make_node_cache(comm, 8, 1000);
                   ASSERT_TRUE(cache);
                   if (comm.intra_rank() == 0) cache->put(comm.inter_rank(), {numbered(comm.inter_rank() + 1, 100)});
                   comm.barrier();
                   EXPECT_EQ(kept(*cache, comm.inter_rank()), numbered(comm.inter_rank() + 1, 100));
                   EXPECT_FALSE(cache->visit(1 - comm.inter_rank(), [](ByteCache::Bytes) {}));
                   EXPECT_EQ(cache->bytes(), 100);
                 },
                 {.ranks_per_node = 2});
}

TEST(DecodedCacheTest, LaterEpochsNeedNoFilesAndGiveTheSamePixels) {
  const rensa::testing::ScratchFolder scratch;
  std::filesystem::create_directories(scratch / "a");
  images::Image picture(40, 60);
  for (std::size_t i = 0; i < picture.bytes(); ++i) picture.row(0)[i] = static_cast<std::uint8_t>(i * 13 % 200);
  for (const char* name : {"a/1.jpg", "a/2.jpg"}) images::write_jpeg(scratch / name, picture);
  const ImageDatasetOptions options{.crop = {.size = 16}};
  const ImageDataset plain(open_image_folder(scratch.path().string()), options);
  const auto decoded = make_memory_cache(2, 1 << 20);
  const ImageDataset cached(open_image_folder(scratch.path().string()), options, decoded);
  const SampleContext context{.seed = 1, .epoch = 3};
  std::vector<std::vector<float>> before, without;
  for (std::int64_t i = 0; i < 2; ++i) {
    before.push_back(to_vector<float>(cached.get(i, context)[0]));
    without.push_back(to_vector<float>(plain.get(i, context)[0]));
  }
  EXPECT_EQ(decoded->bytes(), 2 * (8 + 40 * 60 * 3));
  std::filesystem::remove_all(scratch / "a");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(to_vector<float>(cached.get(static_cast<std::int64_t>(i), context)[0]), before[i]);
    EXPECT_EQ(before[i], without[i]);  // none of these crops is large enough to be reduced by the decoder
  }
}

}  // namespace
}  // namespace rensa
