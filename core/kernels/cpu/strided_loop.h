#pragma once

#include <array>
#include <cstdint>

#include "core/array/shape.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::cpu {

/// N arrays of one shape, walked together: axes of size 1 dropped, axes ordered by the first array's strides (so that
/// channels-last arrays are walked as they lie), and neighbours joined wherever all strides allow it.
template <int N>
struct StridedLoop {
  Shape shape;
  std::array<Strides, N> strides;

  StridedLoop(const Shape& full, const std::array<Strides, N>& full_strides) {
    std::array<int, kMaxDims> order{};
    int axes = 0;
    for (int axis = 0; axis < full.ndim(); ++axis) {
      if (full[axis] != 1) order[static_cast<std::size_t>(axes++)] = axis;
    }
    for (int i = 1; i < axes; ++i) {  // insertion sort, stable: at most 8 axes
      for (int j = i;
           j > 0 && precedes(full_strides, order[static_cast<std::size_t>(j)], order[static_cast<std::size_t>(j - 1)]);
           --j) {
        std::swap(order[static_cast<std::size_t>(j)], order[static_cast<std::size_t>(j - 1)]);
      }
    }
    for (int i = 0; i < axes; ++i) append(full, full_strides, order[static_cast<std::size_t>(i)]);
  }

 private:
  static bool precedes(const std::array<Strides, N>& strides, int a, int b) {
    for (const Strides& s : strides) {
      if (s[a] != s[b] && s[a] != 0 && s[b] != 0) return s[a] > s[b];
    }
    return false;
  }

  void append(const Shape& full, const std::array<Strides, N>& full_strides, int axis) {
    const int last = shape.ndim() - 1;
    bool joins = last >= 0;
    for (std::size_t n = 0; n < N && joins; ++n) {
      joins = strides[n][last] == full_strides[n][axis] * full[axis];
    }
    if (!joins) {
      shape.push_back(full[axis]);
      for (std::size_t n = 0; n < N; ++n) strides[n].push_back(full_strides[n][axis]);
      return;
    }
    shape[last] *= full[axis];
    for (std::size_t n = 0; n < N; ++n) strides[n][last] = full_strides[n][axis];
  }
};

/// Calls row(offset, step, count) for stretches of the innermost axis that together cover N arrays of `shape`: offsets
/// and steps in elements, one for each array. Rows are shared out over the threads; the row must not throw.
/// The order of elements is not the caller's business: for element-wise work only.
template <int N, class Row>
void for_each_row(const Shape& shape, const std::array<Strides, N>& strides, Row&& row) {
  const std::int64_t total = total_size(shape);
  if (total == 0) return;
  const StridedLoop<N> loop(shape, strides);
  const int outer = loop.shape.ndim() - 1;
  std::array<std::int64_t, N> step{};
  if (outer < 0) return row(std::array<std::int64_t, N>{}, step, std::int64_t{1});
  const std::int64_t inner = loop.shape[outer];
  for (std::size_t n = 0; n < N; ++n) step[n] = loop.strides[n][outer];

  for_each_block(
      total,
      [&](std::int64_t begin, std::int64_t end) {
        while (begin < end) {
          std::int64_t rest = begin / inner;
          const std::int64_t first = begin % inner;
          std::array<std::int64_t, N> offset{};
          for (int axis = outer - 1; axis >= 0; --axis) {
            const std::int64_t at = rest % loop.shape[axis];
            rest /= loop.shape[axis];
            for (std::size_t n = 0; n < N; ++n) offset[n] += at * loop.strides[n][axis];
          }
          for (std::size_t n = 0; n < N; ++n) offset[n] += first * step[n];
          const std::int64_t count = std::min(inner - first, end - begin);
          row(offset, step, count);
          begin += count;
        }
      },
      /*cost=*/4 * N);
}

}  // namespace rensa::cpu
