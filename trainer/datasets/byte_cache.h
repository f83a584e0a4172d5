#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "comm/communicators/communicator.h"

namespace rensa {

/// Bytes by number, such as the files of pictures or their pixels, kept in memory for the next epoch: those that came
/// first, until the memory is used up. Loader threads call it at the same time.
class ByteCache {
 public:
  using Bytes = std::span<const std::uint8_t>;  ///< a view, valid during the call that gets it

  virtual ~ByteCache() = default;
  /// Calls use() with what is kept under `index`; false: nothing is.
  virtual bool visit(std::int64_t index, const std::function<void(Bytes)>& use) const = 0;
  /// Keeps the parts, one behind the other, if there is room and nothing is kept under `index` yet.
  virtual void put(std::int64_t index, std::initializer_list<Bytes> parts) = 0;
  virtual std::int64_t bytes() const = 0;  ///< in use
};

/// For numbers below `count` in this process, up to `capacity` bytes.
std::shared_ptr<ByteCache> make_memory_cache(std::int64_t count, std::int64_t capacity);

/// One for all ranks of each node: what one has read, none of the others reads again. `capacity` is a node's. A call on
/// all ranks together; null on every rank of a node where they cannot share memory. A rank that is killed while it puts
/// something leaves that number out and harms nothing.
std::shared_ptr<ByteCache> make_node_cache(Communicator& comm, std::int64_t count, std::int64_t capacity);

}  // namespace rensa
