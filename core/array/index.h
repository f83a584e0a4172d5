#pragma once

#include <initializer_list>
#include <variant>
#include <vector>

#include "core/array/array.h"

namespace rensa {

struct NewAxis {};   ///< a new axis of size 1
struct Ellipsis {};  ///< as many whole axes as there are left; at most one

/// One item of an index, as in NumPy: a position, a slice (Slice{} is all), a new axis, the rest, or an array: whole
/// numbers (int32 or int64, negative from the end), or bool of the axes' sizes, which takes the places where it is
/// true.
using IndexItem = std::variant<std::int64_t, Slice, NewAxis, Ellipsis, Array>;
using Index = std::vector<IndexItem>;  ///< one item for each axis from the first on; axes without one are taken whole

/// Which elements of an array of `shape` the index takes: their row-major numbers, in the shape of the result, by
/// NumPy's rules of basic and advanced indexing. Throws IndexError that names the axis, DtypeError for an index array
/// of floating type.
Array indexed_positions(const Shape& shape, const Index& index);

/// True if slices, positions and new axes are all there is: then the result is a view.
bool is_basic(const Index& index);

/// x[index]: a view if the index is basic, else a copy.
Array get(const Array& x, const Index& index);
/// x[index] = values, broadcast and converted; of equal places the last value stays.
void set(const Array& x, const Index& index, const Array& values);

/// The places where x is not zero, one int64 array (count) for each axis, in row-major order.
std::vector<Array> nonzero(const Array& x);

}  // namespace rensa
