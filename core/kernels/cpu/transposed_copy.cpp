#include "core/kernels/cpu/transposed_copy.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/kernels/cpu/strided_loop.h"

namespace rensa::cpu {
namespace {

enum Side { kTo, kFrom };

/// The axis along which the source's elements lie side by side; -1 if that is the target's own or there is none.
int axis_of_the_source(const StridedLoop<2>& loop) {
  constexpr std::int64_t kShort = 4;  // axes below leave little to gain
  const int own = loop.shape.ndim() - 1;
  if (own < 1 || loop.strides[kTo][own] != 1 || loop.strides[kFrom][own] == 1 || loop.shape[own] < kShort) return -1;
  for (int axis = 0; axis < own; ++axis) {
    if (loop.strides[kFrom][axis] == 1 && loop.shape[axis] >= kShort) return axis;
  }
  return -1;
}

/// y[c][r] = x[r][c] for rows r and columns c, elements of kBytes. *_row: bytes from one row to the next.
struct Block {
  const std::byte* x;
  std::int64_t x_row, rows, columns;
  std::byte* y;
  std::int64_t y_row;
};

/// Four elements of 32 bits in a register; every processor of 64 bits has such.
using Four [[gnu::vector_size(16), gnu::aligned(4), gnu::may_alias]] = std::uint32_t;

void transpose_4_by_4(const std::byte* x, std::int64_t x_row, std::byte* y, std::int64_t y_row) {
  const auto row = [=](std::int64_t r) { return *reinterpret_cast<const Four*>(x + r * x_row); };
  const auto store = [=](std::int64_t c, Four v) { *reinterpret_cast<Four*>(y + c * y_row) = v; };
  const Four a = row(0), b = row(1), c = row(2), d = row(3);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store(0, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store(1, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store(2, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store(3, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

template <std::int64_t kBytes>
void transpose_one_by_one(const Block& b, std::int64_t first_row, std::int64_t first_column) {
  for (std::int64_t c = first_column; c < b.columns; ++c) {
    for (std::int64_t r = first_row; r < b.rows; ++r) {
      std::memcpy(b.y + c * b.y_row + r * kBytes, b.x + r * b.x_row + c * kBytes, kBytes);
    }
  }
}

template <std::int64_t kBytes>
void transpose(const Block& b) {
  if constexpr (kBytes != 4) return transpose_one_by_one<kBytes>(b, 0, 0);
  const std::int64_t rows = b.rows / 4 * 4, columns = b.columns / 4 * 4;
  for (std::int64_t c = 0; c < columns; c += 4) {
    for (std::int64_t r = 0; r < rows; r += 4) {
      transpose_4_by_4(b.x + r * b.x_row + c * 4, b.x_row, b.y + c * b.y_row + r * 4, b.y_row);
    }
  }
  Block left = b;
  left.columns = columns;
  transpose_one_by_one<kBytes>(left, rows, 0);
  transpose_one_by_one<kBytes>(b, 0, columns);
}

/// Blocks of 16 rows of the source, so that what they hold in one column fills a cache line of the target, and as many
/// columns as give every thread some.
template <std::int64_t kBytes>
void copy_blocks(const StridedLoop<2>& loop, int across, std::byte* to, const std::byte* from) {
  constexpr std::int64_t kRows = 16, kColumns = 1024;
  const int own = loop.shape.ndim() - 1;
  const std::int64_t rows = loop.shape[own], columns = loop.shape[across];
  const std::int64_t bands = (rows + kRows - 1) / kRows, stretches = (columns + kColumns - 1) / kColumns;
  std::int64_t planes = 1;
  for (int axis = 0; axis < own; ++axis) {
    if (axis != across) planes *= loop.shape[axis];
  }
  const auto bytes = [&](Side side, int axis) { return loop.strides[side][axis] * kBytes; };
  const auto one = [&](std::int64_t item) {
    const std::int64_t row = item % bands * kRows, column = item / bands % stretches * kColumns;
    std::int64_t rest = item / bands / stretches;
    std::array<std::int64_t, 2> offset = {row * kBytes + column * bytes(kTo, across),
                                          row * bytes(kFrom, own) + column * kBytes};
    for (int axis = own - 1; axis >= 0; --axis) {
      if (axis == across) continue;
      for (const Side side : {kTo, kFrom}) offset[side] += rest % loop.shape[axis] * bytes(side, axis);
      rest /= loop.shape[axis];
    }
    transpose<kBytes>({.x = from + offset[kFrom],
                       .x_row = bytes(kFrom, own),
                       .rows = std::min(kRows, rows - row),
                       .columns = std::min(kColumns, columns - column),
                       .y = to + offset[kTo],
                       .y_row = bytes(kTo, across)});
  };
  for_each_block(
      planes * bands * stretches,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) one(item);
      },
      /*cost=*/2 * kRows * std::min(kColumns, columns) * kBytes);
}

}  // namespace

bool copy_transposed(const Array& target, const Array& source) {
  const StridedLoop<2> loop(target.shape(), {target.strides(), source.strides()});
  const int across = axis_of_the_source(loop);
  if (across < 0) return false;
  auto* to = static_cast<std::byte*>(target.raw_data());
  const auto* from = static_cast<const std::byte*>(source.raw_data());
  switch (item_size(target.dtype())) {
    case 1:
      copy_blocks<1>(loop, across, to, from);
      break;
    case 2:
      copy_blocks<2>(loop, across, to, from);
      break;
    case 4:
      copy_blocks<4>(loop, across, to, from);
      break;
    default:
      copy_blocks<8>(loop, across, to, from);
  }
  return true;
}

}  // namespace rensa::cpu
