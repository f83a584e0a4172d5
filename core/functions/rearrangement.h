#pragma once

#include <cstdint>
#include <vector>

#include "core/autograd/variable.h"

namespace rensa::functions {

// Elements moved around and nothing computed. Negative axes count from the end; IndexError for an axis that x does not
// have.

Variable flatten(const Variable& x);  ///< one axis, row-major
Variable copy(const Variable& x);     ///< elements of its own

Variable flip(const Variable& x, int axis);  ///< in the opposite order along `axis`
Variable fliplr(const Variable& x);          ///< along axis 1
Variable flipud(const Variable& x);          ///< along axis 0

Variable swapaxes(const Variable& x, int axis1, int axis2);  ///< the two axes change places
/// Axes `source` come to stand at `destination`, the others keep their order.
Variable moveaxis(const Variable& x, const std::vector<int>& source, const std::vector<int>& destination);
/// `axis` comes to stand before the axis `start`.
Variable rollaxis(const Variable& x, int axis, int start = 0);

/// Each element `times` times in a row along `axis`.
Variable repeat(const Variable& x, std::int64_t times, int axis);
/// Position i `times[i]` times in a row.
Variable repeat(const Variable& x, const std::vector<std::int64_t>& times, int axis);
/// The same of x's elements in row-major order, as one axis.
/// @{
Variable repeat(const Variable& x, std::int64_t times);
Variable repeat(const Variable& x, const std::vector<std::int64_t>& times);
/// @}
/// The whole array again and again: times[i] along axis i, counted from the last axis as in broadcasting.
Variable tile(const Variable& x, const std::vector<std::int64_t>& times);

/// The elements x[…, i, …, i + offset, …] of two axes, in a new last axis.
Variable diagonal(const Variable& x, int offset = 0, int axis1 = 0, int axis2 = 1);

/// A view by strides (in elements) into x's elements in row-major order, from element `offset` on, as NumPy's
/// as_strided, but it throws IndexError if it would reach outside of x.
Variable as_strided(const Variable& x, const Shape& shape, const Strides& strides, std::int64_t offset = 0);

/// (N, C r², H, W) to (N, C, H r, W r): channel (a r + b) C + c goes to row a, column b of each block, as Chainer has
/// it.
Variable depth2space(const Variable& x, std::int64_t r);
Variable space2depth(const Variable& x, std::int64_t r);  ///< the inverse

}  // namespace rensa::functions
