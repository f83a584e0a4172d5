#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// `axes` may be negative (from the end); empty: all of them. With keepdims the axes stay with size 1. Sums are kept in
// float64 while they grow. Each throws IndexError for an axis that x does not have, ValueError for one named twice.
// Whole numbers and bool have no gradient: their sum and prod are int64, max and min keep the dtype, the mean is
// float64; they are reduced on the host.

Variable sum(const Variable& x, const Dims& axes = {}, bool keepdims = false);   ///< the sum over `axes`
Variable mean(const Variable& x, const Dims& axes = {}, bool keepdims = false);  ///< the mean over `axes`
/// The gradient goes to every element that is equal to the largest. Throws ValueError over an axis of size 0.
Variable max(const Variable& x, const Dims& axes = {}, bool keepdims = false);
Variable min(const Variable& x, const Dims& axes = {}, bool keepdims = false);  ///< as max(), of the smallest
/// The product. Its gradient is exact where elements are 0 too.
Variable prod(const Variable& x, const Dims& axes = {}, bool keepdims = false);
/// The mean weighted by `weights` (x's shape, or one number for each position of the one axis); none: the plain mean.
Variable average(const Variable& x, const Dims& axes = {}, const Variable* weights = nullptr, bool keepdims = false);
/// log(sum(exp(x))), the largest element taken out first so that it does not overflow; over no elements -infinity.
Variable logsumexp(const Variable& x, const Dims& axes = {}, bool keepdims = false);

/// x repeated as NumPy broadcasts it; the result shares x's elements. Throws ShapeError if the shapes do not fit.
Variable broadcast_to(const Variable& x, const Shape& shape);
/// The adjoint of broadcast_to: x summed over the axes that broadcasting `shape` to x's shape would repeat.
Variable sum_to(const Variable& x, const Shape& shape);

}  // namespace rensa::functions
