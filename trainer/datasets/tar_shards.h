#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/datasets/image_source.h"

namespace rensa {

/// Options of pack_tar_shards().
struct PackOptions {
  std::int64_t shard_bytes = 256 << 20;  ///< a new archive begins when one holds so much
  std::uint64_t seed = 0;                ///< of the order in which the pictures lie
  bool shuffle = true;                   ///< neighbours are of all classes; false: in the source's order
};

/// Writes the pictures of a source as `<prefix>-000000.tar`, `<prefix>-000001.tar`, … and, last, classes.txt beside
/// them, as open_tar_shards() and WebDataset read them. Returns the archives' paths. Throws FileError. Archives that
/// exist are replaced, and those with higher numbers, of an older pack, removed.
std::vector<std::string> pack_tar_shards(const ImageSource& source, const std::string& prefix,
                                         const PackOptions& options = {});

/// `<prefix>-*.tar`, sorted.
std::vector<std::string> list_tar_shards(const std::string& prefix);

}  // namespace rensa
