#include "comm/reproducible/tree_all_reduce.h"

#include <algorithm>

#include "core/kernels/memory.h"

namespace rensa {

void tree_sum_rows(const Array& rows) {
  const std::int64_t count = rows.shape()[0];
  for (std::int64_t step = 1; step < count; step *= 2) {
    for (std::int64_t row = 0; row + step < count; row += 2 * step) {
      kernels::accumulate(rows.select(0, row), rows.select(0, row + step));
    }
  }
}

void tree_all_reduce(Communicator& comm, const Array& data, std::size_t piece_bytes) {
  if (comm.size() == 1) return;
  const std::int64_t ranks = comm.size();
  const auto wanted = static_cast<std::int64_t>(piece_bytes / item_size(data.dtype())) / ranks;
  const std::int64_t most =
      std::clamp<std::int64_t>(wanted, 1, (data.size() + ranks - 1) / ranks);  // of a rank, of a piece
  const Array theirs = empty({ranks * most}, data.dtype()), padded = empty({ranks * most}, data.dtype());
  for (std::int64_t begin = 0; begin < data.size(); begin += ranks * most) {
    const Array piece = data.slice(0, {.start = begin, .stop = std::min(begin + ranks * most, data.size())});
    const std::int64_t share = (piece.size() + ranks - 1) / ranks;
    const bool divides = piece.size() == ranks * share;
    const Array whole = divides ? piece : padded.slice(0, {.start = 0, .stop = ranks * share});
    if (!divides) {
      whole.slice(0, {.start = 0, .stop = piece.size()}).copy_from(piece);
      whole.slice(0, {.start = piece.size(), .stop = ranks * share}).fill(0);
    }
    const Array parts = theirs.slice(0, {.start = 0, .stop = ranks * share});
    comm.all_to_all(whole, parts);
    const Array rows = parts.reshape({ranks, share});
    tree_sum_rows(rows);
    comm.all_gather(rows.select(0, 0), whole);
    if (!divides) piece.copy_from(whole.slice(0, {.start = 0, .stop = piece.size()}));
  }
}

}  // namespace rensa
