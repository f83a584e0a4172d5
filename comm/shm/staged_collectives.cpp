#include "comm/shm/staged_collectives.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "comm/shm/direct_reduction.h"

namespace rensa::shm {
namespace {

std::byte* at(const Array& array, std::int64_t element) {
  return static_cast<std::byte*>(array.raw_data()) + static_cast<std::size_t>(element) * item_size(array.dtype());
}

void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (to != from && bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace

/// `count` elements cut in pieces of which `per_area` share an area.
struct StagedCollectives::Pieces {
  Pieces(std::int64_t elements, Dtype dtype, int per_area)
      : item(item_size(dtype)),
        total(elements),
        longest(static_cast<std::int64_t>(kStagingBytes / item) / per_area / 16 * 16),
        count((elements + longest - 1) / longest) {}

  std::int64_t first(std::int64_t piece) const { return piece * longest; }
  std::int64_t length(std::int64_t piece) const { return std::min(longest, total - piece * longest); }
  std::size_t bytes(std::int64_t elements) const { return static_cast<std::size_t>(elements) * item; }
  /// Where the share of rank r lies in an area.
  std::size_t share(int r) const { return static_cast<std::size_t>(r) * bytes(longest); }

  std::size_t item;
  std::int64_t total, longest, count;
};

// A pipeline of three stages a round: piece k is copied in, rank r reduces part r of piece k - 1, and the others' parts
// of piece k - 2 are copied out. An area holds a piece that came in and, behind it, the part of one that was reduced.
void StagedCollectives::all_reduce(const Array& data, Reduce op, bool keep) {
  const Pieces pieces(data.size(), data.dtype(), 2);
  const int rank = meeting_.rank(), size = meeting_.size();
  const std::size_t results = pieces.bytes(pieces.longest);
  for (std::int64_t k = 0; k < pieces.count + 2; ++k) {
    if (k < pieces.count) {
      const std::int64_t begin = part_begin(pieces.length(k), rank, size),
                         end = part_begin(pieces.length(k), rank + 1, size);
      // this rank's own part is read by nobody else
      copy_bytes(mine(), at(data, pieces.first(k)), pieces.bytes(begin));
      copy_bytes(mine() + pieces.bytes(end), at(data, pieces.first(k) + end), pieces.bytes(pieces.length(k) - end));
    }
    if (k >= 1 && k - 1 < pieces.count) {
      const std::int64_t length = pieces.length(k - 1);
      const std::int64_t begin = part_begin(length, rank, size), end = part_begin(length, rank + 1, size);
      std::byte* const own = at(data, pieces.first(k - 1));
      std::vector<const void*> inputs;
      for (int r = 0; r < size; ++r) inputs.push_back(r == rank ? own : theirs(r));
      std::byte* const result = mine() + results;
      const std::vector<void*> outputs = {keep ? own : result};
      reduce_directly(inputs, outputs, begin, end, data.dtype(), op);
      // Copied, not stored by the reduction: writing to memory that other cores have just read is slow, and memcpy
      // knows how.
      if (keep) copy_bytes(result + pieces.bytes(begin), own + pieces.bytes(begin), pieces.bytes(end - begin));
    }
    if (k >= 2 && keep) {
      const std::int64_t length = pieces.length(k - 2);
      for (int r = 0; r < size; ++r) {
        if (r == rank) continue;
        const std::int64_t begin = part_begin(length, r, size), end = part_begin(length, r + 1, size);
        copy_bytes(at(data, pieces.first(k - 2) + begin), theirs(r) + results + pieces.bytes(begin),
                   pieces.bytes(end - begin));
      }
    }
    if (k + 1 < pieces.count + 2) meeting_.next();
  }
}

void StagedCollectives::broadcast(const Array& data, int root) {
  const Pieces pieces(data.size(), data.dtype(), 1);
  const bool sends = meeting_.rank() == root;
  for (std::int64_t k = 0; k < pieces.count; ++k) {
    const std::size_t bytes = pieces.bytes(pieces.length(k));
    if (sends) copy_bytes(mine(), at(data, pieces.first(k)), bytes);
    meeting_.next();
    if (!sends) copy_bytes(at(data, pieces.first(k)), theirs(root), bytes);
  }
}

void StagedCollectives::gather(const Array& in, const Array& out, int reader) {
  const Pieces pieces(in.size(), in.dtype(), 1);
  const bool reads = reader < 0 || reader == meeting_.rank();
  for (std::int64_t k = 0; k < pieces.count; ++k) {
    const std::size_t bytes = pieces.bytes(pieces.length(k));
    copy_bytes(mine(), at(in, pieces.first(k)), bytes);
    meeting_.next();
    for (int r = 0; r < meeting_.size() && reads; ++r) {
      const void* from = r == meeting_.rank() ? at(in, pieces.first(k)) : theirs(r);
      copy_bytes(at(out, r * in.size() + pieces.first(k)), from, bytes);
    }
  }
}

void StagedCollectives::scatter(const Array& in, const Array& out, int root) {
  const Pieces pieces(out.size(), out.dtype(), meeting_.size());
  const int rank = meeting_.rank();
  for (std::int64_t k = 0; k < pieces.count; ++k) {
    const std::size_t bytes = pieces.bytes(pieces.length(k));
    for (int r = 0; r < meeting_.size() && rank == root; ++r) {
      copy_bytes(mine() + pieces.share(r), at(in, r * out.size() + pieces.first(k)), bytes);
    }
    meeting_.next();
    copy_bytes(at(out, pieces.first(k)), theirs(root) + pieces.share(rank), bytes);
  }
}

void StagedCollectives::all_to_all(const Array& in, const Array& out) {
  const int rank = meeting_.rank(), size = meeting_.size();
  const std::int64_t part = in.size() / size;
  const Pieces pieces(part, in.dtype(), size);
  for (std::int64_t k = 0; k < pieces.count; ++k) {
    const std::size_t bytes = pieces.bytes(pieces.length(k));
    for (int r = 0; r < size; ++r) {
      const std::byte* from = at(in, r * part + pieces.first(k));
      r == rank ? copy_bytes(at(out, r * part + pieces.first(k)), from, bytes)
                : copy_bytes(mine() + pieces.share(r), from, bytes);
    }
    meeting_.next();
    for (int r = 0; r < size; ++r) {
      if (r != rank) copy_bytes(at(out, r * part + pieces.first(k)), theirs(r) + pieces.share(rank), bytes);
    }
  }
}

void StagedCollectives::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  const int rank = meeting_.rank(), size = meeting_.size();
  const Pieces pieces(out.size(), out.dtype(), size);
  for (std::int64_t k = 0; k < pieces.count; ++k) {
    const std::int64_t length = pieces.length(k);
    for (int r = 0; r < size; ++r) {
      if (r != rank)
        copy_bytes(mine() + pieces.share(r), at(in, r * out.size() + pieces.first(k)), pieces.bytes(length));
    }
    meeting_.next();
    std::vector<const void*> inputs;
    for (int r = 0; r < size; ++r) {
      inputs.push_back(r == rank ? at(in, rank * out.size() + pieces.first(k)) : theirs(r) + pieces.share(rank));
    }
    const std::vector<void*> outputs = {at(out, pieces.first(k))};
    reduce_directly(inputs, outputs, 0, length, out.dtype(), op);
  }
}

}  // namespace rensa::shm
