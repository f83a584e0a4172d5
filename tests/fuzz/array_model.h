#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "core/array/index.h"

namespace rensa::fuzz {

// What arrays are to show, by the rules of Python and NumPy written out place by place: no strides, no views.

using Numbers = std::vector<std::int64_t>;

/// An array as it is seen: its elements in row-major order.
struct Model {
  Numbers shape;
  std::vector<double> elements;
  std::int64_t item = 8;  ///< bytes of an element

  double at(const Numbers& place) const { return elements[number(place)]; }
  std::size_t number(const Numbers& place) const;  ///< which element lies at `place`, one position for each axis
};

/// The product of sizes; nothing if one is negative or an int64 does not hold the bytes that they take without zeros.
std::optional<std::int64_t> count(const Numbers& shape, std::int64_t item);

void for_each_place(const Numbers& shape, const std::function<void(const Numbers&)>& act);

/// Each is nothing where the array's operation of that name must be refused.
/// @{
std::optional<Model> transposed(const Model& x, const Numbers& axes);
std::optional<Model> sliced(const Model& x, std::int64_t axis, const Slice& slice);
std::optional<Model> selected(const Model& x, std::int64_t axis, std::int64_t index);
std::optional<Model> expanded(const Model& x, std::int64_t axis);
std::optional<Model> squeezed(const Model& x, std::int64_t axis);
std::optional<Model> reshaped(const Model& x, Numbers shape);
/// The elements are left out where there are more than `most` of them.
std::optional<Model> broadcast(const Model& x, const Numbers& shape, std::int64_t most);
/// @}

/// An index array: positions, or truth (1 and 0) of as many axes as it has.
struct IndexModel {
  bool is_bool;
  Model values;
};
using ItemModel = std::variant<std::int64_t, Slice, NewAxis, Ellipsis, IndexModel>;

/// The shape of x[index] and the place in x of each of its elements; nothing for an index that NumPy refuses.
struct Places {
  Numbers shape;
  std::vector<Numbers> places;
};
std::optional<Places> indexed(const Model& x, const std::vector<ItemModel>& index);

}  // namespace rensa::fuzz
