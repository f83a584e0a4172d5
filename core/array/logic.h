#pragma once

#include "core/array/array.h"

namespace rensa {

/// Comparison and logic, element by element, broadcast as NumPy does; the results are bool. Operands of two dtypes are
/// compared in the dtype that holds both (promote). Throws ShapeError if the shapes do not fit.
/// @{
Array equal(const Array& a, const Array& b);
Array not_equal(const Array& a, const Array& b);
Array less(const Array& a, const Array& b);
Array less_equal(const Array& a, const Array& b);
Array greater(const Array& a, const Array& b);
Array greater_equal(const Array& a, const Array& b);
/// @}
/// With a number, rounded to a's dtype.
/// @{
Array equal(const Array& a, double number);
Array not_equal(const Array& a, double number);
Array less(const Array& a, double number);
Array less_equal(const Array& a, double number);
Array greater(const Array& a, double number);
Array greater_equal(const Array& a, double number);
/// @}

/// "Not zero" is true.
/// @{
Array logical_and(const Array& a, const Array& b);
Array logical_or(const Array& a, const Array& b);
Array logical_xor(const Array& a, const Array& b);
Array logical_not(const Array& a);
/// @}

/// By IEEE 754, bool of x's shape; whole numbers are all finite.
/// @{
Array isnan(const Array& x);
Array isinf(const Array& x);
Array isfinite(const Array& x);
/// @}

bool any(const Array& x);                    ///< false for an empty array
bool all(const Array& x);                    ///< true for an empty array
std::int64_t count_nonzero(const Array& x);  ///< elements that are not zero

/// a where the condition (bool) holds, b elsewhere, broadcast, in the dtype that holds both.
Array where(const Array& condition, const Array& a, const Array& b);

}  // namespace rensa
