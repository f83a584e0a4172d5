#include "comm/shm/pulled_collectives.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "comm/shm/direct_reduction.h"

namespace rensa::shm {
namespace {

/// What is taken from a rank at a time to be reduced: it stays in the second-level cache.
constexpr std::int64_t kTileBytes = 64 * 1024;

std::byte* at(const Array& array, std::size_t byte) { return static_cast<std::byte*>(array.raw_data()) + byte; }

}  // namespace

PulledCollectives::PulledCollectives(Group& group) : group_(group), meeting_(group.meeting()) {
  for (int r = 0; r < meeting_.size(); ++r) inputs_.push_back(meeting_.posted(r).in);
}

void PulledCollectives::reduce_part(std::int64_t first, std::int64_t count, const std::byte* own, std::byte* to,
                                    Dtype dtype, Reduce op) {
  const int rank = meeting_.rank(), size = meeting_.size();
  const auto item = static_cast<std::int64_t>(item_size(dtype));
  const std::int64_t tile = std::min(kTileBytes / item, count);
  const Array taken = empty({size, tile}, dtype);  // this rank's row stays empty
  for (std::int64_t done = 0; done < count; done += tile) {
    const std::int64_t length = std::min(tile, count - done);
    std::vector<const void*> inputs;
    for (int r = 0; r < size; ++r) {
      if (r == rank) {
        inputs.push_back(own + done * item);
        continue;
      }
      std::byte* const row = at(taken, static_cast<std::size_t>(r * tile * item));
      group_.pull(r, inputs_[static_cast<std::size_t>(r)], static_cast<std::size_t>((first + done) * item), row,
                  static_cast<std::size_t>(length * item));
      inputs.push_back(row);
    }
    const std::array<void*, 1> output = {to + done * item};
    reduce_directly(inputs, output, 0, length, dtype, op);
  }
}

void PulledCollectives::all_reduce(const Array& data, Reduce op) {
  const int rank = meeting_.rank(), size = meeting_.size();
  const std::size_t item = item_size(data.dtype());
  const auto begin = [&](int r) { return part_begin(data.size(), r, size); };
  const auto bytes = [&](std::int64_t elements) { return static_cast<std::size_t>(elements) * item; };
  std::byte* const own = at(data, bytes(begin(rank)));  // nobody else reads it before it is reduced
  reduce_part(begin(rank), begin(rank + 1) - begin(rank), own, own, data.dtype(), op);
  meeting_.next();
  for (int i = 1; i < size; ++i) {
    const int r = (rank + i) % size;  // not all from the same rank at once
    group_.pull(r, inputs_[static_cast<std::size_t>(r)], bytes(begin(r)), at(data, bytes(begin(r))),
                bytes(begin(r + 1) - begin(r)));
  }
  meeting_.next();
}

void PulledCollectives::reduce(const Array& data, int root, Reduce op) {
  const int rank = meeting_.rank(), size = meeting_.size();
  const std::size_t item = item_size(data.dtype());
  const auto begin = [&](int r) { return part_begin(data.size(), r, size); };
  const std::int64_t count = begin(rank + 1) - begin(rank);
  const std::byte* const own = at(data, static_cast<std::size_t>(begin(rank)) * item);
  const Array part = empty({count}, data.dtype());  // the others' arrays stay as they are
  reduce_part(begin(rank), count, own, at(part, 0), data.dtype(), op);
  meeting_.next({.in = group_.publish(part.raw_data(), part.bytes())});
  for (int r = 0; r < size && rank == root; ++r) {
    group_.pull(r, meeting_.posted(r).in, 0, at(data, static_cast<std::size_t>(begin(r)) * item),
                static_cast<std::size_t>(begin(r + 1) - begin(r)) * item);
  }
  meeting_.next();
}

void PulledCollectives::broadcast(const Array& data, int root) {
  if (meeting_.rank() != root) {
    group_.pull(root, inputs_[static_cast<std::size_t>(root)], 0, data.raw_data(), data.bytes());
  }
  meeting_.next();
}

void PulledCollectives::gather(const Array& in, const Array& out, int reader) {
  const int rank = meeting_.rank(), size = meeting_.size();
  for (int i = 0; i < size && (reader < 0 || reader == rank); ++i) {
    const int r = (rank + i) % size;
    std::byte* const to = at(out, static_cast<std::size_t>(r) * in.bytes());
    if (to == in.raw_data()) continue;
    group_.pull(r, inputs_[static_cast<std::size_t>(r)], 0, to, in.bytes());
  }
  meeting_.next();
}

void PulledCollectives::scatter(const Array& in, const Array& out, int root) {
  const std::size_t offset = static_cast<std::size_t>(meeting_.rank()) * out.bytes();
  if (meeting_.rank() != root || at(in, offset) != out.raw_data()) {
    group_.pull(root, inputs_[static_cast<std::size_t>(root)], offset, out.raw_data(), out.bytes());
  }
  meeting_.next();
}

void PulledCollectives::all_to_all(const Array& in, const Array& out) {
  const int rank = meeting_.rank(), size = meeting_.size();
  const std::size_t part = in.bytes() / static_cast<std::size_t>(size);
  for (int i = 0; i < size; ++i) {
    const int r = (rank + i) % size;
    group_.pull(r, inputs_[static_cast<std::size_t>(r)], static_cast<std::size_t>(rank) * part,
                at(out, static_cast<std::size_t>(r) * part), part);
  }
  meeting_.next();
}

void PulledCollectives::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  const std::int64_t first = meeting_.rank() * out.size();
  reduce_part(first, out.size(), at(in, static_cast<std::size_t>(first) * item_size(in.dtype())), at(out, 0),
              out.dtype(), op);
  meeting_.next();
}

}  // namespace rensa::shm
