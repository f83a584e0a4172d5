#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rensa {

/// An array of bytes in IDX format, the one of MNIST and its relatives: two zero bytes, a type (0x08: bytes, the only
/// one accepted), the number of axes, each axis' size as 32 bits big-endian, then the elements, last axis fastest.
/// Source: http://yann.lecun.com/exdb/mnist, "The IDX file format".
struct IdxFile {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;
};

/// Reads `path`, compressed by gzip or not, and checks that it has `axes` axes. Throws FileError if it is missing, has
/// another magic number, ends early, goes on after its end, or is damaged; the message says what was expected.
IdxFile read_idx(const std::string& path, int axes);

}  // namespace rensa
