#include <gtest/gtest.h>

#include "comm/communicators/create_communicator.h"
#include "trainer/datasets/byte_cache.h"

namespace rensa {
namespace {

TEST(MpiNodeCacheTest, ProcessesOfANodeReadWhatOneOfThemPut) {
  const auto comm = create_communicator("flat");
  const auto cache = make_node_cache(*comm, comm->size(), 1 << 20);
  if (!cache) GTEST_SKIP() << "the ranks of this node cannot share memory";
  const std::vector<std::uint8_t> mine(100, static_cast<std::uint8_t>(comm->rank() + 1));
  cache->put(comm->rank(), {mine});
  comm->barrier();
  int found = 0;
  for (int rank = 0; rank < comm->size(); ++rank) {
    cache->visit(rank, [&](ByteCache::Bytes bytes) {
      ++found;
      ASSERT_EQ(bytes.size(), 100u);
      EXPECT_EQ(bytes[99], rank + 1);
    });
  }
  EXPECT_EQ(found, comm->intra_size());
  comm->barrier();
}

}  // namespace
}  // namespace rensa
