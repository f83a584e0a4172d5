#pragma once

#include <optional>
#include <utility>

#include "core/autograd/variable.h"

namespace rensa::functions {

// What orders elements along an axis, and running sums. Negative axes count from the end.

/// The position of the largest (smallest) element, int64; without an axis, among all elements in row-major order. Of
/// equal ones the first; not-a-number wins. Throws ValueError over no elements.
Array argmax(const Array& x, std::optional<int> axis = std::nullopt);
Array argmin(const Array& x, std::optional<int> axis = std::nullopt);  ///< as argmax(), of the smallest element

/// The positions that sort x along `axis`; equal elements keep their order.
Array argsort(const Array& x, int axis = -1, bool descending = false);
/// x in the order of argsort(); gradients go back to where the elements came from.
Variable sort(const Variable& x, int axis = -1, bool descending = false);

/// Results of top_k().
struct TopK {
  Variable values;  ///< falling
  Array positions;  ///< int64
};
/// The k largest along `axis`. Throws ValueError if k is above the axis' size.
TopK top_k(const Variable& x, std::int64_t k, int axis = -1);

/// Running sums (products) along `axis`; without one, of all elements in row-major order, one-dimensional.
Variable cumsum(const Variable& x, std::optional<int> axis = std::nullopt);
Variable cumprod(const Variable& x, std::optional<int> axis = std::nullopt);  ///< running products, as cumsum()

}  // namespace rensa::functions
